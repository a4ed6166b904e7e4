// Turns the component into JavaScript and core modules, in dist/: `npm run build -- tap_bigcommerce.wasm`.

import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { transpile } from "@bytecodealliance/jco-transpile";

const component = process.argv[2] ?? "../target/wasm32-wasip2/component/tap_bigcommerce.wasm";

// What waits: the calls, and what they wait with. Names carry the versions of wit/tap.wit.
const WASI = "@0.2.12";
const CONNECTOR = "bigcommerce:tap/connector@0.3.0";
const waits = ["plan", "outlook", "check", "sync", "test"].map((name) => `${CONNECTOR}#${name}`);

const { files, exports } = await transpile(component, {
  name: "tap",
  outDir: "dist",
  instantiation: "async",
  asyncMode: "jspi",
  asyncImports: [`wasi:io/poll${WASI}#poll`, `wasi:io/poll${WASI}#[method]pollable.block`],
  asyncExports: [...waits, `wasi:http/incoming-handler${WASI}#handle`],
  wasiShim: false,
  noComponentErrorWrapping: true,
  minify: true,
});
const names = exports.map(([name]) => name);
for (const name of [CONNECTOR, `wasi:http/incoming-handler${WASI}`]) {
  if (!names.includes(name)) throw new Error(`${component} does not export ${name}; it has ${names.join(", ")}`);
}

// jco 0.15 notes the number of each resource that an instance ever had, in sets that nothing reads: some 250 bytes for each request.
const script = Buffer.from(files["dist/tap.js"]).toString();
const noted = /\w+\._createdReps\.add\(\w+\)/g;
const forgetful = script.replaceAll(noted, "0");
if (script.match(noted)?.length !== 1 || /_createdReps\.(?!add\b)/.test(script)) {
  throw new Error("jco has changed how it notes resources: see whether it keeps something for each request, and adapt build.js");
}
files["dist/tap.js"] = Buffer.from(forgetful);

await rm("dist", { recursive: true, force: true });
await mkdir("dist");
// jco's own types are as wide as WASI; one line is enough here.
const wanted = Object.entries(files).filter(([path]) => !path.endsWith(".d.ts"));
await Promise.all(wanted.map(([path, bytes]) => writeFile(`dist/${basename(path)}`, bytes)));
await writeFile("dist/tap.d.ts", "export function instantiate(cores: (name: string) => WebAssembly.Module, imports: object): Promise<any>;\n");
await copyFile("../LICENSE", "LICENSE");
