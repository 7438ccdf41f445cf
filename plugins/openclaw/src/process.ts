import { execFile, type ExecFileException } from "node:child_process";

import { CliError } from "./error.js";

/** How long a command may take, and how much it may print. */
export interface Limits {
  timeoutMs: number;
  maxOutputBytes: number;
}

/** The command waits 5 s for its lock, and a value of 1 MiB can be several in JSON. */
const usual: Limits = { timeoutMs: 20_000, maxOutputBytes: 8 << 20 };

export interface Outcome {
  stdout: string;
  exitStatus: number;
}

/**
 * Runs a program without a shell and returns what it printed, whatever its exit
 * status. It is killed when time is up, when it prints too much, and when the
 * signal is aborted. No error repeats its arguments or its output.
 */
export function execute(
  path: string,
  args: readonly string[],
  call: Partial<Limits> & { input?: string; signal?: AbortSignal | undefined },
): Promise<Outcome> {
  const limits = { timeoutMs: call.timeoutMs ?? usual.timeoutMs, maxOutputBytes: call.maxOutputBytes ?? usual.maxOutputBytes };
  const options = {
    cwd: "/",
    env: environment(),
    encoding: "utf8" as const,
    timeout: limits.timeoutMs,
    maxBuffer: limits.maxOutputBytes,
    killSignal: "SIGKILL" as const,
  };
  return new Promise((resolve, reject) => {
    call.signal?.throwIfAborted();
    if (args.some((arg) => arg.includes("\0"))) throw new CliError("an argument holds a NUL", "usage");
    const child = execFile(path, [...args], options, (error, stdout) => {
      call.signal?.removeEventListener("abort", stop);
      if (error === null) resolve({ stdout, exitStatus: 0 });
      else if (typeof error.code === "number") resolve({ stdout, exitStatus: error.code });
      else reject(new CliError(`${path} ${reason(error, limits)}`, "cli_failed"));
    });
    // Not by the signal option of execFile, which sends a SIGTERM in any case.
    const stop = () => {
      reject(call.signal?.reason);
      child.kill("SIGKILL");
    };
    call.signal?.addEventListener("abort", stop);
    // It may end without reading; its exit status tells why.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(call.input ?? "");
  });
}

/** Says what became of a program that did not come to an exit status. */
function reason(error: ExecFileException, limits: Limits): string {
  switch (error.code as unknown) {
    case "ENOENT":
      return "is not there: set cli_path to where the secrets command is";
    case "EACCES":
      return "cannot be executed: set cli_path to where the secrets command is";
    case "ERR_CHILD_PROCESS_STDIO_MAXBUFFER":
      return `printed more than ${limits.maxOutputBytes} bytes and was stopped`;
  }
  if (error.killed) return `did not end within ${limits.timeoutMs} ms and was stopped`;
  if (error.signal) return `was killed by ${error.signal}`;
  return `cannot be run (${String(error.code)})`;
}

/**
 * What the command and its rotation hooks need, and nothing else: a gateway's
 * environment often holds keys.
 */
function environment(): NodeJS.ProcessEnv {
  const names = [
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "TERM", "TMPDIR",
    "SECRETS_HOME", "SECRETS_IDENTITY", "SECRETS_IDENTITY_FILE",
  ];
  const env: NodeJS.ProcessEnv = {};
  for (const name of names) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}
