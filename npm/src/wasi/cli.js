// wasi:cli and the rest of what the component imports: an environment that is given to it, a log, and neither files nor arguments.

import { InputStream, LineStream } from "./streams.js";

/** No terminal is attached, and no file can be opened: the component gets none of these. */
export class TerminalInput {}
export class TerminalOutput {}
export class Descriptor {}

/**
 * @param {[string, string][]} environment
 * @param {(line: string) => void} log
 */
export const cli = (environment, log) => ({
  "wasi:cli/environment": { getEnvironment: () => environment, getArguments: () => [] },
  "wasi:cli/exit": {
    exit() {
      throw new Error("the component wants to exit");
    },
  },
  "wasi:cli/stdin": { getStdin: () => new InputStream() },
  "wasi:cli/stdout": { getStdout: () => new LineStream(log) },
  "wasi:cli/stderr": { getStderr: () => new LineStream(log) },
  "wasi:cli/terminal-input": { TerminalInput },
  "wasi:cli/terminal-output": { TerminalOutput },
  "wasi:cli/terminal-stdin": { getTerminalStdin: () => undefined },
  "wasi:cli/terminal-stdout": { getTerminalStdout: () => undefined },
  "wasi:cli/terminal-stderr": { getTerminalStderr: () => undefined },
  "wasi:filesystem/preopens": { getDirectories: () => [] },
  "wasi:filesystem/types": { Descriptor },
  "wasi:random/insecure-seed": {
    insecureSeed: () => /** @type {[bigint, bigint]} */ ([...crypto.getRandomValues(new BigUint64Array(2))]),
  },
});
