// The declarations that "dgate-runtime check" carries, as one JSON file: name -> text.
//     node js/tool/check/libs.mjs OUT

import { readFileSync, writeFileSync } from "node:fs";

const LIBRARY = "es2023";
const texts = {};

function add(name) {
    const file = `lib.${name}.d.ts`;
    if (file in texts) return;
    const text = readFileSync(new URL(`../../../node_modules/typescript/lib/${file}`, import.meta.url), "utf8");
    texts[file] = text;
    for (const found of text.matchAll(/<reference lib="([^"]+)"/g)) add(found[1]);
}

add(LIBRARY);
for (const file of ["dgate.d.ts", "web.d.ts", "test.d.ts"])
    texts[file] = readFileSync(new URL(`../../types/${file}`, import.meta.url), "utf8");
writeFileSync(process.argv[2], JSON.stringify(texts));
