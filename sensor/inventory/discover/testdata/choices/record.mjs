// Has the packer's own code make command lines of cases.json: record.sh runs it.
import { readFileSync } from "node:fs";

const { getMcpConfigForManifest } = await import(process.argv[2]);
const out = [];
for (const c of JSON.parse(readFileSync(process.argv[3], "utf8"))) {
  const manifest = { name: "x", server: { mcp_config: { command: "node", args: c.args } }, user_config: c.user_config };
  const made = await getMcpConfigForManifest({ manifest, extensionPath: "/x", systemDirs: {}, userConfig: c.set, pathSeparator: "/" });
  out.push({ note: c.note, args: made.args });
}
console.log(JSON.stringify(out, null, 1));
