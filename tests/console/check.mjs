// Runs the checks of what people do with the pages, in Chromium. Each check throws when something is wrong.
import assert from 'node:assert/strict';
import { browser, contexts, expected, faults, known, service, stranger, values } from './people.mjs';
import { checks as finding } from './finding.mjs';
import { checks as hostile } from './hostile.mjs';
import { checks as issuer } from './issuer.mjs';
import { checks as looks } from './looks.mjs';
import { checks as reserving } from './reserving.mjs';
import { checks as signingIn } from './signing_in.mjs';

// The link that `local` prints is good for ten minutes, so it comes first.
const checks = { ...signingIn, ...reserving, ...finding, ...hostile, ...issuer, ...looks };

let failed = 0;
const chosen = Object.entries(checks).filter(([name]) => name.includes(values.only));
for (const [name, check] of chosen) {
  faults.length = 0;
  expected.length = 0;
  known.length = 0;
  try {
    await check();
    assert.deepEqual(faults, []);
    console.log(`ok    ${name}`);
  } catch (error) {
    failed += 1;
    console.error(`FAIL  ${name}\n${error.stack}`);
    for (const fault of faults) console.error(`      ${fault}`);
  }
  for (const context of contexts.splice(0)) await context.close();
}
await browser.close();
service.close();
stranger.close();
console.log(`${chosen.length - failed} of ${chosen.length} checks passed`);
process.exitCode = failed ? 1 : 0;
