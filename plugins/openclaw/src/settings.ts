import { isObject } from "./args.js";

/** JSON Schema of plugins.entries.agent-secrets.config. */
export const settingsSchema = {
  type: "object",
  additionalProperties: false,
  properties: {
    cli_path: {
      type: "string",
      pattern: "^(/.+|[^/]+)$",
      description: "The secrets command: an absolute path, or a name to look up on PATH. Default: secrets.",
    },
    default_ttl: {
      type: "string",
      pattern: "^[0-9][0-9a-z.]{0,31}$",
      description: "How long a lease lasts if the model does not say, such as 30m or 1h. Default: of secrets itself.",
    },
    client_id_prefix: {
      type: "string",
      pattern: "^[!-~]{1,60}$",
      description: "Leases are on record in the name of this, a slash and the agent's id. Default: openclaw.",
    },
  },
};

export interface Settings {
  cliPath: string;
  defaultTtl: string | undefined;
  clientIdPrefix: string;
}

/** Reads what OpenClaw has checked against the schema. */
export function readSettings(config: unknown): Settings {
  const read = (key: keyof typeof settingsSchema.properties): string | undefined => {
    const value = isObject(config) ? config[key] : undefined;
    if (value === undefined) return undefined;
    if (typeof value !== "string" || !new RegExp(settingsSchema.properties[key].pattern).test(value)) {
      throw new Error(`agent-secrets: config.${key} cannot be used`);
    }
    return value;
  };
  return {
    cliPath: read("cli_path") ?? "secrets",
    defaultTtl: read("default_ttl"),
    clientIdPrefix: read("client_id_prefix") ?? "openclaw",
  };
}
