// A workerd with the bundle that `wrangler deploy` would upload.

import { spawn } from "node:child_process";
import { readdir, mkdtemp, rm, writeFile, copyFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import workerd from "workerd";

const { TAP_BIGCOMMERCE_TEST_BUNDLE: BUNDLE } = process.env;
const HASHED = /^[0-9a-f]+-tap\.core\d?\.wasm$/;

export class Workerd {
  /** What the Worker has logged. */
  log = "";
  #process;
  #folder;

  /** @param {Record<string, string>} variables */
  static async start(variables) {
    const started = new Workerd();
    started.#folder = await mkdtemp(join(tmpdir(), "tap-bigcommerce-"));
    const names = (await readdir(BUNDLE)).filter((name) => name === "worker.js" || HASHED.test(name));
    await Promise.all(names.map((name) => copyFile(join(BUNDLE, name), join(started.#folder, name))));
    const modules = names.map((name) => `(name = "${name}", ${name.endsWith(".js") ? "esModule" : "wasm"} = embed "${name}")`);
    // The first one is where it begins.
    modules.sort((a) => (a.includes("worker.js") ? -1 : 1));
    const bindings = Object.entries(variables).map(([name, value]) => `(name = "${name}", text = ${JSON.stringify(value)})`);
    const config = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main), (name = "net", network = (allow = ["private"]))],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (
  compatibilityDate = "2026-11-01",
  globalOutbound = "net",
  bindings = [${bindings.join(", ")}],
  modules = [${modules.join(", ")}],
);`;
    const file = join(started.#folder, "config.capnp");
    await writeFile(file, config);
    started.#process = spawn(workerd.default, ["serve", file, "--control-fd=3"], { stdio: ["ignore", "pipe", "pipe", "pipe"] });
    for (const pipe of started.#process.stdio.slice(1, 3)) pipe.on("data", (text) => (started.log += text));
    for await (const line of createInterface(started.#process.stdio[3])) {
      const { event, port } = JSON.parse(line);
      if (event === "listen") {
        started.port = port;
        return started;
      }
    }
    throw new Error(`workerd does not start: ${started.log}`);
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose]() {
    this.#process.kill("SIGKILL");
    await rm(this.#folder, { recursive: true });
  }
}
