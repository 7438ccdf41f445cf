import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";

import { CliError } from "../src/error.js";
import { execute } from "../src/process.js";
import { Stubs } from "./stub.js";

const stubs = new Stubs();
after(() => stubs.remove());

/** Writes its process id and then waits for ever. */
const sleeper = `require("fs").writeFileSync(__dirname + "/pid", String(process.pid));
  process.on("SIGTERM", () => {}); setInterval(() => {}, 1000);`;

function pid(): number {
  return Number(readFileSync(join(stubs.dir, "pid"), "utf8"));
}

function alive(process_id: number): boolean {
  try {
    process.kill(process_id, 0);
    return true;
  } catch {
    return false;
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("arguments and input arrive as they are, and no shell sees them", async () => {
  const args = ["a b", "$(touch pwned)", "; exit 1", "`id`", "*", "two\nlines", "--", "ü"];
  const { stdout } = await execute(stubs.echo(), args, { input: "hunter2 \n$HOME\n" });
  const { result } = JSON.parse(stdout);
  assert.deepEqual(result.argv, args);
  assert.equal(result.stdin, "hunter2 \n$HOME\n");
  assert.equal(result.cwd, "/");
});

test("the environment holds what the command needs and nothing else", async () => {
  const added = { SECRETS_HOME: "/s", SECRETS_IDENTITY_FILE: "/i", SECRETS_FORMAT: "text", SECRETS_CLIENT_ID: "x", OPENAI_API_KEY: "k" };
  Object.assign(process.env, added);
  try {
    const { result } = JSON.parse((await execute(stubs.echo(), [], {})).stdout);
    assert.ok(result.env.includes("PATH") && result.env.includes("SECRETS_HOME") && result.env.includes("SECRETS_IDENTITY_FILE"));
    for (const name of ["SECRETS_FORMAT", "SECRETS_CLIENT_ID", "OPENAI_API_KEY"]) assert.ok(!result.env.includes(name), name);
  } finally {
    for (const name of Object.keys(added)) delete process.env[name];
  }
});

test("an exit status is an outcome, not an error", async () => {
  assert.deepEqual(await execute(stubs.printing("{}", 66), [], {}), { stdout: "{}", exitStatus: 66 });
});

test("input that nobody reads is no error", async () => {
  const outcome = await execute(stubs.printing("x", 0), [], { input: "y".repeat(1 << 20) });
  assert.equal(outcome.stdout, "x");
});

/** Every way in which a program can fail to come to an exit status. */
const failures: [name: string, program: () => string, limits: object, want: RegExp][] = [
  ["time is up", () => stubs.program("slow", sleeper), { timeoutMs: 300 }, /did not end within 300 ms/],
  ["it prints for ever", () => stubs.program("flood", `for (;;) process.stdout.write("hunter2".repeat(1000));`),
    { maxOutputBytes: 10_000 }, /more than 10000 bytes/],
  ["it kills itself", () => stubs.program("suicide", `process.kill(process.pid, "SIGKILL"); setInterval(() => {}, 1000);`), {}, /SIGKILL/],
  ["it is not there", () => join(stubs.dir, "absent"), {}, /is not there: set cli_path/],
  ["it cannot be executed", () => "/dev/null", {}, /cannot be executed: set cli_path/],
];

for (const [name, program, limits, want] of failures) {
  test(`an error tells why, and repeats neither arguments nor output: ${name}`, async () => {
    const run = execute(program(), ["--client-id=hunter2"], { input: "hunter2", ...limits });
    await assert.rejects(run, (error: unknown) => {
      assert.ok(error instanceof CliError);
      assert.match(error.message, want);
      assert.doesNotMatch(String(error.stack) + JSON.stringify(error), /hunter2/);
      return true;
    });
  });
}

test("a NUL in an argument is refused without a word of the argument", async () => {
  await assert.rejects(execute(stubs.echo(), ["hunter2\0"], {}), (error: Error) => !/hunter2/.test(error.message));
});

test("an abort kills the command and gives its reason", async () => {
  const abort = new AbortController();
  const reason = new Error("the run was stopped");
  const run = execute(stubs.program("aborted", sleeper.replace("/pid", "/abort-pid")), [], { signal: abort.signal });
  const seen = join(stubs.dir, "abort-pid");
  await until(() => existsSync(seen) && readFileSync(seen, "utf8") !== "");
  abort.abort(reason);
  await assert.rejects(run, reason);
  await until(() => !alive(Number(readFileSync(seen, "utf8"))));
});

test("nothing is started once it was aborted", async () => {
  const path = stubs.program("never", `require("fs").writeFileSync(__dirname + "/started", "");`);
  await assert.rejects(execute(path, [], { signal: AbortSignal.abort(new Error("stopped")) }), /stopped/);
  assert.ok(!existsSync(join(stubs.dir, "started")));
});

test("a command that ran out of time is dead, although it ignores SIGTERM", async () => {
  await assert.rejects(execute(stubs.program("stubborn", sleeper), [], { timeoutMs: 300 }));
  await until(() => !alive(pid()));
});
