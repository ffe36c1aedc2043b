#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0

// Pages is a connector on the official TypeScript SDK. This file is its entry, which its releases have in common: what it does is
// in tools.ts.

import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { offer } from "./tools.js";

const server = new McpServer({ name: "pages", version: "1" });
offer(server);
await server.connect(new StdioServerTransport());
