// The judge epc-tds. Run by judge.py, with its directory in JUDGES.
//
//     tds_judge.mjs TAGS.csv
//
// Prints one JSON object for each scheme.
//
// It reads no escapes, cuts a URI at dots and colons of the serial, and takes a serial of digits for a number; so a tag
// is made from the URI with another serial, and then gets the text by `setSerial`. An empty reference (company prefixes
// of 12 digits) is 0 in its URIs. In those that it prints, nothing is escaped, and the reference of a GSRN has no
// leading zeros. All other characters are compared.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const tds = createRequire(join(process.env.JUDGES, "package.json"))("epc-tds");

const MISSING = new Set(["itip-110", "itip-212", "cpi-var"]);
// The schemes whose last field is a text, or digits that all count: how many fields a URI has, and what sets the last.
const TEXTS = {
  "sgtin-198": [4, "setSerial"],
  "grai-170": [4, "setSerial"],
  "gdti-174": [4, "setSerial"],
  "sgcn-96": [4, "setSerial"],
  "giai-202": [3, "setAssetReference"],
};
const PLAIN = "1";
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
    if (decoded === printed(uri)) verdict.decoded += 1;
    else verdict.differences.push(`${digits} is decoded as ${decoded}, not ${uri}`);
    const encoded = tagOf(uri).toHexString();
    if (withoutZeros(encoded) === withoutZeros(digits)) verdict.encoded += 1;
    else verdict.differences.push(`${uri} is encoded as ${encoded}, not ${digits}`);
  } catch (error) {
    verdict.differences.push(`${uri} ${digits}: ${error}`);
  }
}

// The scheme of a URI, and its fields: filter value, company prefix, those of the scheme. The last may contain dots.
function parsed(uri) {
  const [scheme, ...rest] = uri.split(":").slice(3);
  const fields = rest.join(":").split(".");
  const [count] = TEXTS[scheme] ?? [fields.length];
  return [scheme, [...fields.slice(0, count - 1), fields.slice(count - 1).join(".")]];
}

function tagOf(uri) {
  const [scheme, fields] = parsed(uri);
  const given = fields.map((field) => field || "0");
  if (!TEXTS[scheme]) return tds.fromTagURI(`urn:epc:tag:${scheme}:${given.join(".")}`);
  const [, set] = TEXTS[scheme];
  const tag = tds.fromTagURI(`urn:epc:tag:${scheme}:${[...given.slice(0, -1), PLAIN].join(".")}`);
  return tag[set](decodeURIComponent(fields.at(-1)));
}

// The URI as the library prints it.
function printed(uri) {
  const [scheme, fields] = parsed(uri);
  const shown = fields.map((field) => decodeURIComponent(field) || "0");
  if (scheme === "gsrn-96") shown[2] = String(BigInt(shown[2]));
  return `urn:epc:tag:${scheme}:${shown.join(".")}`;
}

function withoutZeros(digits) {
  return digits.toUpperCase().replace(/0+$/, "");
}
