// The validator that is a Node package: bwip-js. Run by judge.py, with its directory in JUDGES.
//
//     judges.mjs ROWS EXPORT.csv...
//
// Prints one JSON object per export. The CSV of an export needs no quoting, so a row is split at its commas.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const bwip = createRequire(join(process.env.JUDGES, "package.json"))("bwip-js");

// The specification's own example has a wrong check digit; it should be 0.
const WRONG_GTIN = "(01)19361758000003";

const [limit, ...exports] = process.argv.slice(2);
for (const path of exports) {
  console.log(JSON.stringify(verdict(path, Number(limit))));
}

function verdict(path, limit) {
  const counts = { accepted: 0, rejected: 0, unjudged: 0 };
  const surprises = [];
  for (const line of readFileSync(path, "utf8").trimEnd().split("\n").slice(1, limit + 1)) {
    const [position, , link, elementString] = line.split(",");
    // A short code; judges.py checks that it really is one.
    if (elementString === "") {
      counts.unjudged += 1;
      continue;
    }
    const mustReject = elementString.startsWith(WRONG_GTIN);
    const complaints = [
      complaint("gs1datamatrix", elementString),
      complaint("gs1dldatamatrix", link),
    ];
    const surprise = mustReject
      ? complaints.every(Boolean) ? null : "accepted"
      : complaints.find(Boolean);
    if (surprise) {
      surprises.push({ row: position, what: surprise });
    } else {
      counts[mustReject ? "rejected" : "accepted"] += 1;
    }
  }
  return { export: path, judge: "bwip-js", ...counts, surprises };
}

// The encoder's error message for a text, or null.
function complaint(bcid, text) {
  try {
    bwip.raw({ bcid, text });
    return null;
  } catch (error) {
    return String(error);
  }
}
