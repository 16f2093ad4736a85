// The host of wasm_host.rs: a JavaScript event loop, as a page or a Node program has one.
import { readFile } from "node:fs/promises";

const bytes = await readFile(process.argv[2]);
let wasm;
let timer;
let clicks = 0;

const host = {
  now: () => performance.now(),
  tick_soon: () => queueMicrotask(() => wasm.tick()),
  tick_in: (milliseconds) => {
    clearTimeout(timer);
    // Timers of JavaScript may be early by less than a millisecond, and have at most 31 bits.
    timer = setTimeout(() => wasm.tick(), Math.min(Math.ceil(milliseconds), 0x7fffffff));
  },
  finished: () => {
    clearTimeout(timer);
    console.log("nothing is left to do");
  },
  log: (text, length) => {
    const line = new TextDecoder().decode(new Uint8Array(wasm.memory.buffer, text, length));
    console.log(line);
    // The user of this page does what it asks for, in an event of its own.
    if (line === "waiting for a click") setTimeout(() => wasm.click(++clicks), 2);
  },
};

const { instance } = await WebAssembly.instantiate(bytes, { host });
wasm = instance.exports;
wasm.start();
