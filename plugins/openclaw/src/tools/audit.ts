import { object, secretName } from "../parameters.js";
import type { Tool } from "../tool.js";

const defaultTail = 20;
const maxTail = 200;

export const audit: Tool = {
  name: "secrets_audit",
  label: "Audit log of the secrets",
  description: "Read the newest lines of the audit log: who leased which secret, what was refused or revoked. No values.",
  parameters: object({
    tail: { type: "integer", minimum: 1, maximum: maxTail, description: `How many lines. Default: ${defaultTail}.` },
    secret_name: { ...secretName, description: "Only lines about this secret." },
    client_id: { type: "string", description: "Only lines about this client." },
    action: { type: "string", description: "Only this kind of line, such as lease, lease.denied or killswitch." },
    since: { type: "string", description: "Only lines of this last while, such as 30m or 7d." },
  }),
  async run(args, cli, signal) {
    const flags = [`--tail=${args.optionalCount("tail", maxTail) ?? defaultTail}`];
    const filters = { secret_name: "secret", client_id: "client-id", action: "action", since: "since" };
    for (const [key, flag] of Object.entries(filters)) {
      const value = args.optionalString(key);
      if (value !== undefined) flags.push(`--${flag}=${value}`);
    }
    return cli.run(["audit", "--json", ...flags], { signal });
  },
};
