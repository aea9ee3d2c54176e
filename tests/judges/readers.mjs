// The readers that are Node packages: GS1's Digital Link toolkit and bwip-js. Run by links.py, with their directory in
// JUDGES.
//
//     readers.mjs LINKS.json
//
// Prints one JSON object for each link and reader: the identifiers in the link, or null if the reader cannot read it.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const packages = join(process.env.JUDGES, "node_modules");
const Toolkit = createRequire(import.meta.url)(
  join(packages, "digital-link.js/lib/GS1DigitalLinkCompressionPrototype/GS1DigitalLinkToolkit.js"),
);
const toolkit = new Toolkit();

// bwip-js only draws what it reads. A copy of its module gets one more function, which returns it.
const folder = mkdtempSync(join(tmpdir(), "readers-"));
const copy = join(folder, "bwipp.mjs");
writeFileSync(
  copy,
  readFileSync(join(packages, "bwip-js/dist/bwipp.mjs"), "utf8") + `
export function identifiers(link) {
  const before = [$_, $j];
  $_ = { ...$_, parse: false, dontlint: false, lintreqs: true };
  try {
    $k[$j++] = $s(link);
    $k[$j++] = "dl";
    bwipp_gs1process();
    const [values, names] = [$k[$j - 2], $k[$j - 3]];
    const list = (values) => Array.from({ length: values.length }, (_, at) => $get(values, at));
    const texts = (values) => list(values).map((bytes) => String.fromCharCode(...list(bytes)));
    return texts(names).map((name, at) => [name, texts(values)[at]]);
  } finally {
    [$_, $j] = before;
  }
}
`,
);
const { identifiers } = await import(pathToFileURL(copy));

const readers = {
  toolkit: (link) => Object.entries(toolkit.extractFromGS1digitalLink(link).GS1),
  "bwip-js": identifiers,
};

// The toolkit writes notes to the console.
const print = console.log;
console.log = () => {};

for (const link of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  for (const [reader, read] of Object.entries(readers)) {
    let elements = null;
    try {
      elements = read(link);
    } catch {
      // Each reader has its own errors.
    }
    print(JSON.stringify({ reader, link, elements }));
  }
}
rmSync(folder, { recursive: true });
