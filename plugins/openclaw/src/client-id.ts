/**
 * Who leases: the prefix, and the agent where OpenClaw names one. The command
 * takes 128 printable ASCII characters at most. A slash, because the leases of
 * secrets openclaw-resolve have a colon there.
 */
export function clientId(prefix: string, agentId: string | undefined): string {
  if (!agentId) return prefix;
  return `${prefix}/${agentId.replace(/[^!-~]/g, "-")}`.slice(0, 128);
}
