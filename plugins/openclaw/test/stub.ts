import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Args } from "../src/args.js";
import { Cli } from "../src/cli.js";
import type { Tool } from "../src/tool.js";

/** A directory of a test, and a way to put programs into it. */
export class Stubs {
  readonly dir = mkdtempSync(join(tmpdir(), "openclaw-plugin-"));

  /** Writes a program for node and returns its path. */
  program(name: string, source: string): string {
    const path = join(this.dir, name);
    writeFileSync(path, `#!${process.execPath}\n${source}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  /** A program that tells how it was called, as the result of an envelope. */
  echo(): string {
    return this.program(
      "echo",
      `const stdin = require("fs").readFileSync(0, "utf8");
       const result = { argv: process.argv.slice(2), stdin, env: Object.keys(process.env), cwd: process.cwd() };
       console.log(JSON.stringify({ ok: true, result }));`,
    );
  }

  /** A program that prints text and exits with a status. */
  printing(text: string, status: number): string {
    return this.program("printing", `process.stdout.write(${JSON.stringify(text)}); process.exitCode = ${status};`);
  }

  remove(): void {
    rmSync(this.dir, { recursive: true });
  }
}

/** Calls a tool by a program, in the name of openclaw/main. */
export function call(tool: Tool, path: string, params: object, signal?: AbortSignal): Promise<Record<string, unknown>> {
  const cli = new Cli({ cliPath: path, defaultTtl: "7m", clientIdPrefix: "openclaw" }, "openclaw/main");
  return tool.run(new Args(params), cli, signal);
}
