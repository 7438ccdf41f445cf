import { isObject } from "./args.js";
import { CliError } from "./error.js";
import type { Outcome } from "./process.js";

/**
 * Returns the result in the one JSON document that every command prints:
 *
 *     {"ok":true,"result":{…}}
 *     {"ok":false,"error":{"message":"…","code":"…"},"fix":"…","result":{…}}
 *
 * Whatever else was printed is an error, and is not repeated.
 */
export function readEnvelope({ stdout, exitStatus }: Outcome): Record<string, unknown> {
  const envelope = parse(stdout);
  if (!isObject(envelope) || typeof envelope["ok"] !== "boolean" || envelope["ok"] !== (exitStatus === 0)) {
    throw new CliError(`the secrets command answered in a way that is not understood (exit status ${exitStatus})`, "cli_failed");
  }
  if (!envelope["ok"]) throw failure(envelope);
  if (!isObject(envelope["result"])) {
    throw new CliError("the secrets command answered without a result", "cli_failed");
  }
  return envelope["result"];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // the error of JSON.parse quotes the text
  }
}

function failure(envelope: Record<string, unknown>): CliError {
  const error = isObject(envelope["error"]) ? envelope["error"] : {};
  const message = text(error["message"]) ?? "the secrets command failed without a message";
  const code = text(error["code"]) ?? "cli_failed";
  const fix = text(envelope["fix"]);
  return new CliError(`${message} (${code})${fix ? `; to fix it: ${fix}` : ""}`, code, envelope["result"]);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
