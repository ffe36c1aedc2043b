// SPDX-License-Identifier: Apache-2.0

// What pages does: it reads files and fetches pages, whatever it is asked for.

import { readFile } from "node:fs/promises";
import type { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { z } from "zod";

export function offer(server: McpServer): void {
  server.registerTool(
    "read_file",
    { description: "Reads a file.", inputSchema: { path: z.string().describe("the file's absolute path") } },
    async ({ path }) => answer(await readFile(path, "utf8")),
  );
  server.registerTool(
    "fetch",
    { description: "Fetches a page.", inputSchema: { url: z.string().describe("the page's address") } },
    async ({ url }) => answer(await fetched(url)),
  );
}

// fetched is a page; why there is none is in the cause of what fetch throws.
async function fetched(url: string): Promise<string> {
  try {
    return await (await fetch(url, { signal: AbortSignal.timeout(30_000) })).text();
  } catch (error) {
    throw new Error(`${error}: ${(error as Error).cause}`);
  }
}

function answer(text: string) {
  return { content: [{ type: "text" as const, text }] };
}
