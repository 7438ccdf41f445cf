import assert from "node:assert/strict";
import { test } from "node:test";

import { readEnvelope } from "../src/envelope.js";
import { CliError } from "../src/error.js";

test("the result of a success is returned", () => {
  assert.deepEqual(readEnvelope({ stdout: `{"ok":true,"result":{"a":1},"next_actions":[]}\n`, exitStatus: 0 }), { a: 1 });
});

test("a failure becomes an error with its message, code and fix", () => {
  const stdout = JSON.stringify({ ok: false, error: { message: "frozen", code: "frozen" }, fix: "secrets thaw", result: { n: 1 } });
  assert.throws(() => readEnvelope({ stdout, exitStatus: 77 }), (error: unknown) => {
    assert.ok(error instanceof CliError);
    assert.equal(error.message, "frozen (frozen); to fix it: secrets thaw");
    assert.equal(error.code, "frozen");
    assert.deepEqual(error.partial, { n: 1 });
    return true;
  });
});

const strange: [stdout: string, exitStatus: number][] = [
  ["", 0],
  ["hunter2", 0],
  [`{"ok":true,"result":{"value":"hunter2"}`, 0],
  [`{"ok":true,"result":{"value":"hunter2"}}`, 74],
  [`{"ok":false,"error":{"message":"hunter2","code":"x"}}`, 0],
  [`{"ok":"hunter2"}`, 0],
  [`{"ok":true,"result":"hunter2"}`, 0],
  [`{"ok":true}`, 0],
  [`["hunter2"]`, 0],
  [`{"ok":true,"result":{}}{"hunter2":1}`, 0],
  ["null", 1],
];

for (const [stdout, exitStatus] of strange) {
  test(`what is no envelope is an error that does not repeat it: ${exitStatus} ${stdout}`, () => {
    assert.throws(() => readEnvelope({ stdout, exitStatus }), (error: unknown) => {
      assert.ok(error instanceof CliError && error.code === "cli_failed");
      assert.doesNotMatch(String(error.stack) + JSON.stringify(error), /hunter2/);
      return true;
    });
  });
}
