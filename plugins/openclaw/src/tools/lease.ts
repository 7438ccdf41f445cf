import { object, secretName } from "../parameters.js";
import type { Tool } from "../tool.js";

export const lease: Tool = {
  name: "secrets_lease",
  label: "Lease a secret",
  description:
    "Lease the value of a secret for a limited time. The lease is in the audit log before you get the value. " +
    "Use it only where you need the value itself: to run a command with a secret, run " +
    "`secrets exec --env VAR=name -- command` instead, and the value stays out of this conversation. " +
    "Never repeat the value in an answer, a file or a command line. Revoke the lease when you are done.",
  parameters: object(
    {
      secret_name: secretName,
      ttl: { type: "string", description: "How long the lease lasts, such as 10m or 1h. As short as will do." },
    },
    ["secret_name"],
  ),
  concealed: ["value", "value_base64"],
  run(args, cli, signal) {
    const ttl = args.optionalString("ttl") ?? cli.defaultTtl;
    const flags = ["--json", `--client-id=${cli.clientId}`];
    if (ttl !== undefined) flags.push(`--ttl=${ttl}`);
    return cli.run(["lease", ...flags, "--", args.string("secret_name")], { signal });
  },
};
