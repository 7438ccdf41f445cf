import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";

import { settingsSchema } from "../src/settings.js";
import { tools } from "../src/tools/index.js";

/** Reads a file of the package. Tests run as build/test/*.js. */
function read(name: string): string {
  return readFileSync(new URL(`../../${name}`, import.meta.url), "utf8");
}

const manifest = JSON.parse(read("openclaw.plugin.json"));

test("the manifest names the tools, and which of them are optional", () => {
  assert.deepEqual(manifest.contracts.tools, tools.map((tool) => tool.name));
  const optional = Object.entries<{ optional?: boolean }>(manifest.toolMetadata).filter(([, meta]) => meta.optional).map(([name]) => name);
  assert.deepEqual(optional, ["secrets_add", "secrets_killswitch"]);
  assert.deepEqual(optional, tools.filter((tool) => tool.optional).map((tool) => tool.name));
});

test("the manifest has the settings of the code", () => {
  assert.deepEqual(manifest.configSchema, settingsSchema);
  assert.deepEqual(Object.keys(manifest.uiHints), Object.keys(settingsSchema.properties));
  assert.equal(manifest.version, JSON.parse(read("package.json")).version);
});

test("the README tells about every tool and every setting", () => {
  const readme = read("README.md");
  for (const name of [...tools.map((tool) => tool.name), ...Object.keys(settingsSchema.properties)]) {
    assert.ok(readme.includes(`\`${name}\``), name);
  }
});

test("every tool refuses arguments that it does not know", () => {
  for (const tool of tools) assert.equal((tool.parameters as { additionalProperties?: boolean }).additionalProperties, false, tool.name);
});

test("the entry declares the plugin of the manifest", async () => {
  // A module in OpenClaw's place that gives the declaration back.
  const sdk = new URL("../node_modules/openclaw/", import.meta.url);
  mkdirSync(sdk, { recursive: true });
  writeFileSync(new URL("package.json", sdk), `{"type":"module","exports":{"./plugin-sdk/tool-plugin":"./sdk.js"}}`);
  writeFileSync(new URL("sdk.js", sdk), "export const defineToolPlugin = (definition) => definition;");
  const { default: entry } = await import("../src/index.js") as { default: any };

  for (const key of ["id", "name", "description", "activation", "configSchema"]) assert.deepEqual(entry[key], manifest[key], key);
  const declared = entry.tools((tool: object) => tool);
  assert.deepEqual(declared.map((tool: { name: string }) => tool.name), manifest.contracts.tools);
  for (const tool of declared) {
    const made = tool.factory({ config: {}, toolContext: { agentId: "main" } });
    assert.equal(made.name, tool.name);
    assert.equal(typeof made.execute, "function");
  }
});
