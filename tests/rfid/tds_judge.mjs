// The judge epc-tds. Run by judge.py, with its directory in JUDGES.
//
//     tds_judge.mjs TAGS.csv
//
// Prints one JSON object for each scheme.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const tds = createRequire(join(process.env.JUDGES, "package.json"))("epc-tds");

const MISSING = new Set(["itip-110", "itip-212", "cpi-var"]);
const verdicts = new Map();

for (const line of readFileSync(process.argv[2], "utf8").trimEnd().split("\n")) {
  // URIs contain commas, digits do not.
  const at = line.lastIndexOf(",");
  const [uri, digits] = [line.slice(0, at), line.slice(at + 1)];
  const scheme = uri.split(":")[3];
  if (MISSING.has(scheme)) continue;
  if (!verdicts.has(scheme)) {
    verdicts.set(scheme, { scheme, judge: "epc-tds", encoded: 0, decoded: 0, skipped: 0, differences: [] });
  }
  judge(verdicts.get(scheme), uri, digits);
}
for (const verdict of verdicts.values()) {
  console.log(JSON.stringify(verdict));
}

function judge(verdict, uri, digits) {
  try {
    const decoded = tds.valueOf(digits).toTagURI();
    if (unescaped(decoded) !== unescaped(uri)) {
      verdict.differences.push(`${digits} is decoded as ${decoded}, not ${uri}`);
      return;
    }
    verdict.decoded += 1;
    if (uri.includes("%")) {
      verdict.skipped += 1;
      return;
    }
    const encoded = tds.fromTagURI(uri).toHexString();
    if (withoutZeros(encoded) !== withoutZeros(digits)) {
      verdict.differences.push(`${uri} is encoded as ${encoded}, not ${digits}`);
      return;
    }
    verdict.encoded += 1;
  } catch (error) {
    verdict.differences.push(`${uri} ${digits}: ${error}`);
  }
}

function withoutZeros(digits) {
  return digits.toUpperCase().replace(/0+$/, "");
}

function unescaped(uri) {
  return decodeURIComponent(uri.replaceAll("%", "%25").replace(/%25([0-9A-Fa-f]{2})/g, "%$1"));
}
