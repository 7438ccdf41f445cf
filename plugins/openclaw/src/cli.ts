import { readEnvelope } from "./envelope.js";
import { execute, type Limits } from "./process.js";
import type { Settings } from "./settings.js";

/** One call of the secrets command. */
export interface Call extends Partial<Limits> {
  /** Written to standard input: the only way for a value to get in. */
  input?: string;
  signal?: AbortSignal | undefined;
}

/** The secrets command, called in the name of one client. */
export class Cli {
  readonly defaultTtl: string | undefined;
  readonly clientId: string;
  readonly #path: string;

  constructor(settings: Settings, clientId: string) {
    this.#path = settings.cliPath;
    this.defaultTtl = settings.defaultTtl;
    this.clientId = clientId;
  }

  /**
   * Runs one command and returns the result of its envelope. Flags are given
   * as --flag=value, and arguments after a --, so that neither can pass for
   * another. A failure is a CliError.
   */
  async run(args: readonly string[], call: Call = {}): Promise<Record<string, unknown>> {
    return readEnvelope(await execute(this.#path, args, call));
  }
}
