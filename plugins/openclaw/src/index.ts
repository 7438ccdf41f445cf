import { defineToolPlugin } from "openclaw/plugin-sdk/tool-plugin";

import { asAgentTool } from "./agent-tool.js";
import { Cli } from "./cli.js";
import { clientId } from "./client-id.js";
import { readSettings, settingsSchema } from "./settings.js";
import { tools } from "./tools/index.js";

export default defineToolPlugin({
  id: "agent-secrets",
  name: "Agent secrets",
  description: "Credentials on short, audited, revocable leases, by the secrets command.",
  // Its tools are found by the manifest: nothing has to run when a gateway starts.
  activation: { onStartup: false },
  configSchema: settingsSchema,
  tools: (declare) =>
    tools.map((tool) =>
      declare({
        name: tool.name,
        label: tool.label,
        description: tool.description,
        parameters: tool.parameters,
        ...(tool.optional ? { optional: true } : {}),
        factory({ config, toolContext }) {
          const settings = readSettings(config);
          return asAgentTool(tool, new Cli(settings, clientId(settings.clientIdPrefix, toolContext.agentId)));
        },
      }),
    ),
});
