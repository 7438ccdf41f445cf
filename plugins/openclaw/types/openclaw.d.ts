// The part of OpenClaw's plugin SDK that this plugin uses, so that checking it
// does not take the whole of OpenClaw. make plugin-openclaw-full checks it
// against the real declarations instead of these.
declare module "openclaw/plugin-sdk/tool-plugin" {
  interface AgentTool {
    name: string;
    label: string;
    description: string;
    parameters: object;
    catalogMode?: "direct-only";
    getExecutionTimeoutMs?: (args: unknown) => number | undefined;
    execute(
      toolCallId: string,
      params: unknown,
      signal?: AbortSignal,
    ): Promise<{ content: { type: "text"; text: string }[]; details: unknown }>;
  }

  interface ToolContext {
    agentId?: string;
  }

  interface ToolDefinition {
    name: string;
    label?: string;
    description: string;
    parameters: object;
    optional?: boolean;
    factory: (context: { config: unknown; toolContext: ToolContext }) => AgentTool | null | undefined;
  }

  interface PluginDefinition {
    id: string;
    name: string;
    description: string;
    activation?: { onStartup?: boolean };
    configSchema?: object;
    tools: (declare: (definition: ToolDefinition) => object) => readonly object[];
  }

  export function defineToolPlugin(definition: PluginDefinition): object;
}
