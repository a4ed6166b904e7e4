// The component's compiled parts, read once for all calls.

import { readFile } from "node:fs/promises";
import { TapError } from "../failure.js";

const NAMES = ["tap.core.wasm", "tap.core2.wasm", "tap.core3.wasm"];

let compiled;

/** @returns {Promise<(name: string) => WebAssembly.Module>} */
export async function cores() {
  compiled ??= compile();
  const modules = await compiled;
  return (name) => modules[name];
}

async function compile() {
  const pairs = NAMES.map(async (name) => {
    const file = new URL(`../../dist/${name}`, import.meta.url);
    const bytes = await readFile(file).catch((cause) => {
      throw new TapError("component", `${file.pathname} cannot be read (${cause.code}); install the package again, or build it`, { cause });
    });
    return [name, await WebAssembly.compile(bytes)];
  });
  return Object.fromEntries(await Promise.all(pairs));
}
