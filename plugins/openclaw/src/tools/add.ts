import { object, secretName } from "../parameters.js";
import type { Tool } from "../tool.js";

/**
 * Adds, and does not replace: no flag here overwrites a secret, and none names a
 * rotation hook, which would be a command that runs later.
 */
export const add: Tool = {
  name: "secrets_add",
  label: "Add a secret",
  description:
    "Put a new secret into the encrypted store, for example a credential that you have just created. " +
    "It cannot replace one. If a person has the value, ask them to run `secrets add` themselves: " +
    "then it does not pass through this conversation.",
  parameters: object(
    {
      secret_name: secretName,
      value: { type: "string", minLength: 1, description: "The value, kept exactly." },
    },
    ["secret_name", "value"],
  ),
  optional: true,
  async run(args, cli, signal) {
    const input = args.string("value");
    return cli.run(["add", "--json", "--keep-newline", "--", args.string("secret_name")], { input, signal });
  },
};
