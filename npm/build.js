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

await rm("dist", { recursive: true, force: true });
await mkdir("dist");
// Types of the component's insides are of no use to anyone.
const wanted = Object.entries(files).filter(([path]) => !path.endsWith(".d.ts"));
await Promise.all(wanted.map(([path, bytes]) => writeFile(`dist/${basename(path)}`, bytes)));
await copyFile("../LICENSE", "LICENSE");
