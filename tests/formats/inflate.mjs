// Reads gzipped export files with `DecompressionStream`, as a page in a browser does, and compares each with the plain
// file beside it:
//
//     node tests/formats/inflate.mjs FILE.gz...
//
// `DecompressionStream` takes one gzip member: browsers and newer versions of Node throw at bytes behind it. Node 20 still
// reads further members; there check.py, which takes only one, makes the difference.

import { readFile } from "node:fs/promises";

const paths = process.argv.slice(2);
let wrong = 0;
for (const path of paths) {
  try {
    const plain = await readFile(path.replace(/\.gz$/, ""));
    const stream = new Blob([await readFile(path)]).stream().pipeThrough(new DecompressionStream("gzip"));
    const read = Buffer.from(await new Response(stream).arrayBuffer());
    if (!read.equals(plain)) throw new Error(`${read.length} bytes differ from the ${plain.length} of the plain file`);
  } catch (error) {
    console.error(`${path}: ${error}`);
    wrong += 1;
  }
}
console.log(`${paths.length} gzipped files, ${wrong} wrong`);
process.exitCode = paths.length > 0 && wrong === 0 ? 0 : 1;
