import { object, secretName } from "../parameters.js";
import type { Tool } from "../tool.js";

export const revoke: Tool = {
  name: "secrets_revoke",
  label: "Revoke leases",
  description:
    "End leases: those with the given ids, all on one secret, or, without an argument, all of your own. " +
    "A command that runs under a lease is stopped with it. A value that was read cannot be called back: " +
    "it is listed as unreachable.",
  parameters: object({
    lease_ids: {
      type: "array",
      items: { type: "string", pattern: "^[0-9A-Za-z]{1,26}$" },
      maxItems: 100,
      description: "Ids of leases, or unique prefixes of ids.",
    },
    secret_name: { ...secretName, description: "End every lease on this secret, whoever holds it." },
  }),
  async run(args, cli, signal) {
    const ids = args.optionalStrings("lease_ids");
    const name = args.optionalString("secret_name");
    if (ids && name) throw new Error("give either lease_ids or secret_name");
    if (ids) return cli.run(["revoke", "--json", "--", ...ids], { signal });
    const whose = name === undefined ? `--client-id=${cli.clientId}` : `--secret=${name}`;
    return cli.run(["revoke", "--json", whose], { signal });
  },
};
