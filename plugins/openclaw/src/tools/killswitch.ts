import { isObject } from "../args.js";
import { CliError } from "../error.js";
import { object } from "../parameters.js";
import type { Tool } from "../tool.js";

/** Rotation hooks of every secret may have to run, each for up to rotation_timeout. */
const timeoutMs = 10 * 60_000;

/** Ends every lease. It never wipes: that is for a person to decide. */
export const killswitch: Tool = {
  name: "secrets_killswitch",
  label: "Secrets killswitch",
  description:
    "Emergency: end every lease of every client at once, stop the commands that run under them and remove the " +
    "env files. Use it when a secret may have leaked or an agent is out of control.",
  parameters: object({
    freeze: { type: "boolean", description: "Refuse every further lease until a person thaws it." },
    rotate: { type: "boolean", description: "Renew every secret that has a rotation hook." },
  }),
  optional: true,
  timeoutMs,
  async run(args, cli, signal) {
    const flags = ["--all", "--json"];
    if (args.flag("freeze")) flags.push("--freeze");
    if (args.flag("rotate")) flags.push("--rotate");
    // Once begun it is not to be stopped half-way, so the signal counts until then.
    signal?.throwIfAborted();
    try {
      return await cli.run(["revoke", ...flags], { timeoutMs });
    } catch (error) {
      throw withFailedSteps(error);
    }
  },
};

/** A killswitch that failed in part says in which. */
function withFailedSteps(error: unknown): unknown {
  if (!(error instanceof CliError) || !isObject(error.partial) || !Array.isArray(error.partial["steps"])) return error;
  const failed = error.partial["steps"].filter((step) => isObject(step) && step["ok"] === false).map((step) => step.step);
  return new CliError(`${error.message}; what failed: ${failed.join(", ")}`, error.code, error.partial);
}
