import assert from "node:assert/strict";
import { after, test } from "node:test";

import { asAgentTool } from "../src/agent-tool.js";
import { Cli } from "../src/cli.js";
import { clientId } from "../src/client-id.js";
import { readSettings } from "../src/settings.js";
import type { Tool } from "../src/tool.js";
import { add } from "../src/tools/add.js";
import { audit } from "../src/tools/audit.js";
import { tools } from "../src/tools/index.js";
import { killswitch } from "../src/tools/killswitch.js";
import { lease } from "../src/tools/lease.js";
import { revoke } from "../src/tools/revoke.js";
import { call, Stubs } from "./stub.js";

const stubs = new Stubs();
after(() => stubs.remove());

/** What each call of a tool runs. */
const lines: [tool: Tool, params: object, argv: string[]][] = [
  [lease, { secret_name: "gh" }, ["lease", "--json", "--client-id=openclaw/main", "--ttl=7m", "--", "gh"]],
  [lease, { secret_name: "--all", ttl: "--x" }, ["lease", "--json", "--client-id=openclaw/main", "--ttl=--x", "--", "--all"]],
  [revoke, {}, ["revoke", "--json", "--client-id=openclaw/main"]],
  [revoke, { lease_ids: [] }, ["revoke", "--json", "--client-id=openclaw/main"]],
  [revoke, { lease_ids: ["01A", "--all"] }, ["revoke", "--json", "--", "01A", "--all"]],
  [revoke, { secret_name: "gh" }, ["revoke", "--json", "--secret=gh"]],
  [audit, {}, ["audit", "--json", "--tail=20"]],
  [audit, { tail: 5, secret_name: "gh", client_id: "c", action: "lease", since: "1h" },
    ["audit", "--json", "--tail=5", "--secret=gh", "--client-id=c", "--action=lease", "--since=1h"]],
  [add, { secret_name: "new", value: "hunter2\n" }, ["add", "--json", "--keep-newline", "--", "new"]],
  [killswitch, {}, ["revoke", "--all", "--json"]],
  [killswitch, { freeze: true, rotate: true }, ["revoke", "--all", "--json", "--freeze", "--rotate"]],
];

for (const [tool, params, argv] of lines) {
  test(`${tool.name} ${JSON.stringify(params)} runs the right command`, async () => {
    assert.deepEqual((await call(tool, stubs.echo(), params))["argv"], argv);
  });
}

test("a value goes over standard input, exactly", async () => {
  const result = await call(add, stubs.echo(), { secret_name: "new", value: "hunter2\n" });
  assert.equal(result["stdin"], "hunter2\n");
  assert.doesNotMatch(JSON.stringify(result["argv"]), /hunter2/);
});

/** Arguments that a schema would have refused. */
const wrong: [tool: Tool, params: object, want: RegExp][] = [
  [lease, {}, /secret_name is missing/],
  [lease, { secret_name: ["hunter2"] }, /secret_name must be a string/],
  [add, { secret_name: "x", value: { hunter2: 1 } }, /value must be a string/],
  [add, { secret_name: "x", value: "" }, /value is missing/],
  [revoke, { lease_ids: "hunter2" }, /lease_ids must be an array of strings/],
  [revoke, { lease_ids: ["01A"], secret_name: "gh" }, /either/],
  [audit, { tail: 0 }, /tail must be a whole number from 1 to 200/],
  [audit, { tail: 1e9 }, /tail must be/],
  [killswitch, { freeze: "hunter2" }, /freeze must be true or false/],
];

for (const [tool, params, want] of wrong) {
  test(`${tool.name} refuses ${JSON.stringify(params)}`, async () => {
    await assert.rejects(async () => call(tool, "/absent", params), (error: Error) => {
      assert.match(error.message, want);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    });
  });
}

test("the model alone sees a leased value", async () => {
  const path = stubs.printing(JSON.stringify({ ok: true, result: { lease_id: "01A", value: "hunter2", value_base64: "aHVudGVyMg" } }), 0);
  const tool = asAgentTool(lease, new Cli(readSettings({ cli_path: path }), "c"));
  const result = await tool.execute("id", { secret_name: "gh" });
  assert.match(result.content[0]!.text, /hunter2/);
  assert.deepEqual(result.details, { lease_id: "01A" });
  assert.equal(tool.catalogMode, "direct-only");
});

test("a killswitch that failed in part says in which", async () => {
  const envelope = {
    ok: false,
    error: { message: "the killswitch ended only in part", code: "killswitch_partial" },
    result: { steps: [{ step: "end_leases", ok: true }, { step: "freeze", ok: false, error: "io" }] },
  };
  await assert.rejects(call(killswitch, stubs.printing(JSON.stringify(envelope), 79), {}), /only in part.*; what failed: freeze$/);
});

test("a killswitch that has begun is not stopped", async () => {
  const abort = new AbortController();
  const run = call(killswitch, stubs.echo(), {}, abort.signal);
  abort.abort();
  assert.deepEqual((await run)["argv"], ["revoke", "--all", "--json"]);
  await assert.rejects(call(killswitch, stubs.echo(), {}, abort.signal));
});

test("every other tool is stopped by an abort", async () => {
  const never = stubs.program("never", "setInterval(() => {}, 1000);");
  for (const tool of tools.filter((tool) => tool !== killswitch)) {
    const abort = new AbortController();
    const run = call(tool, never, { secret_name: "gh", value: "v" }, abort.signal);
    abort.abort(new Error("stopped"));
    await assert.rejects(run, /stopped/, tool.name);
  }
});

test("a client id is the prefix and the agent, in 128 printable characters", () => {
  assert.equal(clientId("openclaw", "main"), "openclaw/main");
  assert.equal(clientId("openclaw", undefined), "openclaw");
  assert.match(clientId("p".repeat(60), "ä b\n".repeat(99)), /^[!-~]{128}$/);
});

test("settings have defaults, and what cannot be used is refused", () => {
  assert.deepEqual(readSettings(undefined), { cliPath: "secrets", defaultTtl: undefined, clientIdPrefix: "openclaw" });
  for (const config of [{ cli_path: "./secrets" }, { cli_path: "" }, { default_ttl: "-1h" }, { client_id_prefix: "a b" }, { cli_path: 5 }]) {
    assert.throws(() => readSettings(config), /config\.[a-z_]+ cannot be used/);
  }
});
