import { Args } from "./args.js";
import type { Cli } from "./cli.js";
import type { Tool } from "./tool.js";

/** The outcome of a tool call, as OpenClaw has it. */
export interface ToolResult {
  content: { type: "text"; text: string }[];
  details: unknown;
}

/** A tool with everything that OpenClaw needs to call it. */
export interface AgentTool extends Pick<Tool, "name" | "label" | "description" | "parameters"> {
  catalogMode?: "direct-only";
  getExecutionTimeoutMs?: () => number;
  execute(toolCallId: string, params: unknown, signal?: AbortSignal): Promise<ToolResult>;
}

/**
 * Binds a tool to the command that does its work.
 *
 * The model reads content. OpenClaw keeps details for logs and screens, so that
 * what must not end there is not among them; and because code that calls tools
 * from a catalog gets details alone, such a tool stays out of the catalog.
 */
export function asAgentTool(tool: Tool, cli: Cli): AgentTool {
  const { name, label, description, parameters, timeoutMs } = tool;
  return {
    name,
    label,
    description,
    parameters,
    ...(tool.concealed ? { catalogMode: "direct-only" as const } : {}),
    ...(timeoutMs === undefined ? {} : { getExecutionTimeoutMs: () => timeoutMs }),
    async execute(_toolCallId, params, signal) {
      const result = await tool.run(new Args(params), cli, signal);
      return {
        content: [{ type: "text", text: JSON.stringify(result, null, 2) }],
        details: without(result, tool.concealed ?? []),
      };
    },
  };
}

function without(result: Record<string, unknown>, keys: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(result).filter(([key]) => !keys.includes(key)));
}
