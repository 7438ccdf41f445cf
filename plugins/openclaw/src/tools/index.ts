import type { Tool } from "../tool.js";
import { add } from "./add.js";
import { audit } from "./audit.js";
import { killswitch } from "./killswitch.js";
import { lease } from "./lease.js";
import { revoke } from "./revoke.js";
import { status } from "./status.js";

export const tools: readonly Tool[] = [lease, status, revoke, audit, add, killswitch];
