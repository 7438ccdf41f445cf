import type { Args } from "./args.js";
import type { Cli } from "./cli.js";

/** What a model can call. */
export interface Tool {
  name: string;
  label: string;
  /** Tells the model what it does and when to use it. */
  description: string;
  /** JSON Schema of the arguments. */
  parameters: object;
  /** An operator must allow it by name before a model sees it. */
  optional?: true;
  /** Keys of the result that the model alone may see. */
  concealed?: readonly string[];
  /** How long it may take, where that is longer than usual. */
  timeoutMs?: number;
  run(args: Args, cli: Cli, signal?: AbortSignal): Promise<Record<string, unknown>>;
}
