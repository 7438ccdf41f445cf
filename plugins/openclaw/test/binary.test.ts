import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";

import { CliError } from "../src/error.js";
import { add } from "../src/tools/add.js";
import { audit } from "../src/tools/audit.js";
import { killswitch } from "../src/tools/killswitch.js";
import { lease } from "../src/tools/lease.js";
import { revoke } from "../src/tools/revoke.js";
import { status } from "../src/tools/status.js";
import type { Tool } from "../src/tool.js";
import { call, Stubs } from "./stub.js";

const binary = process.env["SECRETS_BIN"];
const value = "hunter2 'quoted'\n$HOME ü\n";
const stubs = new Stubs();

const run = (tool: Tool, params: object = {}) => call(tool, binary!, params);

// One story, told in order, with the real command.
test("the tools work with the real command", { skip: binary ? false : "SECRETS_BIN is not set" }, async (t) => {
  before(() => {
    process.env["SECRETS_HOME"] = `${stubs.dir}/state`;
  });
  after(() => stubs.remove());

  await t.test("a store that is not there is told, not an error", async () => {
    assert.equal((await run(status))["initialized"], false);
    await assert.rejects(run(lease, { secret_name: "gh" }), (error: unknown) => error instanceof CliError && error.code === "not_initialized");
    execFileSync(binary!, ["init"], { stdio: "ignore" });
  });

  await t.test("what is added is leased, byte for byte", async () => {
    await run(add, { secret_name: "gh", value });
    const leased = await run(lease, { secret_name: "gh" });
    assert.equal(leased["value"], value);
    assert.equal(leased["ttl"], "7m");
    assert.equal(leased["client_id"], "openclaw/main");
    assert.equal((await run(lease, { secret_name: "gh", ttl: "30s" }))["ttl"], "30s");
  });

  await t.test("status lists names, and no value", async () => {
    const state = await run(status);
    assert.equal(state["active_leases"], 2);
    assert.deepEqual((state["secrets"] as { name: string }[]).map((one) => one.name), ["gh"]);
    assert.doesNotMatch(JSON.stringify(state), /hunter2/);
  });

  await t.test("the command's refusals become errors without a value", async () => {
    const refusals: [Tool, object, string][] = [
      [lease, { secret_name: "nope" }, "secret_not_found"],
      [lease, { secret_name: "gh", ttl: "9w" }, "ttl_exceeds_max"],
      [lease, { secret_name: "gh", ttl: "soon" }, "invalid_ttl"],
      [lease, { secret_name: "--help" }, "invalid_name"],
      [add, { secret_name: "gh", value: "hunter2-other" }, "secret_exists"],
      [revoke, { lease_ids: ["7ZZZZZ"] }, "lease_not_found"],
    ];
    for (const [tool, params, code] of refusals) {
      await assert.rejects(run(tool, params), (error: unknown) => {
        assert.ok(error instanceof CliError);
        assert.equal(error.code, code);
        assert.doesNotMatch(String(error.stack) + JSON.stringify(error), /hunter2/);
        return true;
      });
    }
  });

  await t.test("an agent revokes its own leases", async () => {
    assert.equal((await run(revoke))["count"], 2);
    assert.equal((await run(revoke))["count"], 0);
    const { lease_id } = await run(lease, { secret_name: "gh" });
    assert.equal((await run(revoke, { lease_ids: [lease_id] }))["count"], 1);
  });

  await t.test("the killswitch ends all and freezes", async () => {
    await run(lease, { secret_name: "gh" });
    assert.equal((await run(killswitch, { freeze: true }))["count"], 1);
    await assert.rejects(run(lease, { secret_name: "gh" }), /\(frozen\)/);
  });

  await t.test("all of it is on record, and no value is", async () => {
    const log = await run(audit, { tail: 200 });
    const text = JSON.stringify(log);
    for (const event of ["lease.grant", "lease.denied", "lease.revoked", "killswitch"]) assert.ok(text.includes(event), event);
    assert.doesNotMatch(text, /hunter2/);
    assert.equal(((await run(audit, { action: "lease.grant", tail: 1 }))["events"] as object[]).length, 1);
  });
});
