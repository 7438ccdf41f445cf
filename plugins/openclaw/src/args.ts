/**
 * The arguments of a tool call. OpenClaw checks them against the schema; they
 * are checked once more because they come from a model. Errors name the key
 * and never the value.
 */
export class Args {
  readonly #values: Record<string, unknown>;

  constructor(params: unknown) {
    this.#values = isObject(params) ? params : {};
  }

  /** A string that must be there and not be empty. */
  string(key: string): string {
    const value = this.optionalString(key);
    if (value === undefined) throw new Error(`${key} is missing`);
    return value;
  }

  /** A string, or undefined for none or an empty one. */
  optionalString(key: string): string | undefined {
    const value = this.#values[key] ?? undefined;
    if (value !== undefined && typeof value !== "string") throw new Error(`${key} must be a string`);
    return value === "" ? undefined : value;
  }

  /** Strings, or undefined for none. */
  optionalStrings(key: string): string[] | undefined {
    const value = this.#values[key] ?? undefined;
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || !value.every((one) => typeof one === "string")) {
      throw new Error(`${key} must be an array of strings`);
    }
    return value.length === 0 ? undefined : value;
  }

  /** A whole number from 1 to max, or undefined for none. */
  optionalCount(key: string, max: number): number | undefined {
    const value = this.#values[key] ?? undefined;
    if (value === undefined) return undefined;
    if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > max) {
      throw new Error(`${key} must be a whole number from 1 to ${max}`);
    }
    return value;
  }

  /** Whether a switch is on. */
  flag(key: string): boolean {
    const value = this.#values[key] ?? false;
    if (typeof value !== "boolean") throw new Error(`${key} must be true or false`);
    return value;
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
