/**
 * A failure of the secrets command. The message is made to be read by a model:
 * it holds no value and nothing of the command's output but its own message.
 */
export class CliError extends Error {
  override readonly name = "CliError";
  /** error.code of the envelope, such as secret_not_found; cli_failed if there was none. */
  readonly code: string;
  /** result of the envelope: what was done before it failed. */
  readonly partial: unknown;

  constructor(message: string, code: string, partial?: unknown) {
    super(message);
    this.code = code;
    this.partial = partial;
  }
}
