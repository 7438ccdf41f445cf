import { object } from "../parameters.js";
import type { Tool } from "../tool.js";

export const status: Tool = {
  name: "secrets_status",
  label: "Status of the secrets",
  description:
    "See which secrets there are, how many leases are in force, and whether leases are granted at all. " +
    "It never shows a value.",
  parameters: object({}),
  async run(_args, cli, signal) {
    const state = await cli.run(["status", "--json"], { signal });
    if (state["initialized"] !== true) return state;
    const list = await cli.run(["list", "--json"], { signal });
    return { ...state, secrets: list["secrets"] };
  },
};
