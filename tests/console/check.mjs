// What people do with the pages, in Chromium. Each check throws when something is wrong.
import assert from 'node:assert/strict';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium as engine } from 'playwright-core';
import { TOKEN, local, page as emptyPage } from './system.mjs';

const { values, positionals } = parseArgs({
  options: { update: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
  allowPositionals: true,
});
const [binary, chromium] = positionals;
const tools = dirname(fileURLToPath(import.meta.url));
const screens = join(tools, 'screens');
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const WRITER = 'writer-token';
const NORTH = 'north-token';
const ORGANISATION = '/417/9312345000012';
const MARKUP = `<script>window.hacked=1</script>"'><img src=x onerror="window.hacked=1">&amp;`;
// The largest picture that the repository keeps (bytes).
const MAX_PICTURE = 150_000;
// The largest first load (bytes as they are sent).
const MAX_LOAD = 60_000;

const stranger = await emptyPage();
const service = await local(binary, ['--seed', join(tools, 'seed.json')]);
const { address } = service;
const browser = await engine.launch({
  executablePath: chromium,
  // A camera that shows something, and a person who allows it.
  args: ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
});

// What no page may do: write an error to the console, or ask another host. Downloads come from the bucket.
// htmx reports requests that end because the person goes on to another page, or writes on.
const ALWAYS = [/htmx:(afterRequest|sendAbort|abort)/];
const faults = [];
const expected = [];
const watch = (context) => {
  context.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    const text = `${message.text()} (${message.location().url})`;
    if (![...ALWAYS, ...expected].some((pattern) => pattern.test(text))) faults.push(`console: ${text}`);
  });
  context.on('weberror', (error) => faults.push(`script: ${error.error().stack}`));
  context.on('request', (request) => {
    const url = new URL(request.url());
    const isDownload = url.searchParams.has('X-Amz-Signature');
    if (url.origin !== address && !isDownload && !['data:', 'about:', 'blob:'].includes(url.protocol)) {
      if (!url.origin.startsWith(stranger.origin)) faults.push(`request to ${url.origin}${url.pathname}`);
    }
  });
};

// A browser of a person of their own.
const contexts = [];
async function person(token, options = {}) {
  const context = await browser.newContext({ baseURL: address, locale: 'en-GB', timezoneId: 'UTC', ...options });
  contexts.push(context);
  watch(context);
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  if (token) await signIn(page, token);
  return page;
}

async function signIn(page, token) {
  await page.goto('/');
  await page.fill('#token', token);
  await page.click('form[action="/console/sign-in"] button');
  await page.waitForSelector('h1');
}

const FORM = { reserved_for: ORGANISATION, code_type: 'sgtin', product: '19361758000003', quantity: '100', export_type: 'csv', reference_id: 'BATCH-2024-001' };

async function fill(page, members = {}) {
  for (const [name, value] of Object.entries({ ...FORM, ...members })) {
    const field = page.locator(`#${name}`);
    if (await field.evaluate((field) => field.tagName === 'SELECT')) await field.selectOption(value);
    else await field.fill(value);
  }
}

async function reserve(page, members) {
  await page.goto('/');
  await fill(page, members);
  await Promise.all([page.waitForURL(/\/console\/reservations\/[0-9a-f-]{36}/), page.click('#reserve button.primary')]);
  return page.url().split('/').at(-1);
}

const api = async (path, token = TOKEN) =>
  fetch(address + path, { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(30_000) });

async function create(members) {
  const body = JSON.stringify({ reserved_for: ORGANISATION, ...members });
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
  const answer = await fetch(`${address}/items/code_reservation`, { method: 'POST', headers, body });
  assert.equal(answer.status, 200);
  return (await answer.json()).data;
}

async function ready(page) {
  await page.waitForSelector('.badge.is-good');
}

async function saved(page, selector) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click(selector)]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') };
}

// The violations that axe finds in a page, in words.
async function violations(page) {
  await page.evaluate(`${axe}\n;0`);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
}

const checks = {
  async 'the link that local prints signs in once'() {
    assert.ok(service.signIn?.startsWith(`${address}/console/sign-in/once?key=`), service.signIn);
    const page = await person();
    await page.goto(service.signIn);
    await page.click('button.primary');
    await page.waitForSelector('text=Ada Admin');
    assert.equal(new URL(page.url()).pathname, '/', 'the secret is not in the address any more');
    const second = await person();
    expected.push(/403/);
    await second.goto(service.signIn);
    await second.waitForSelector('text=This link does not work any more');
  },
  async 'a wrong token is told so, and a right one signs in'() {
    const page = await person();
    expected.push(/401/);
    await signIn(page, 'wrong-token');
    await page.waitForSelector('text=This token does not work.');
    assert.equal(await page.inputValue('#token'), '', 'what was typed is not sent back');
    await signIn(page, WRITER);
    await page.waitForSelector('h1:has-text("Reserve codes")');
    const [cookie] = (await page.context().cookies()).filter(({ name }) => name === 'console_session');
    assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path], [true, 'Strict', '/']);
    assert.equal(await page.evaluate(() => document.cookie.includes('console_session')), false);
  },
  async 'codes are reserved, progress is shown without a reload, and the file is that of the API'() {
    const page = await person(WRITER);
    const id = await reserve(page, { quantity: '100' });
    await page.evaluate(() => { window.isTheSamePage = true; });
    await ready(page);
    assert.equal(await page.evaluate(() => window.isTheSamePage), true);
    // Nothing asks any more.
    const asked = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.waitForTimeout(2_500);
    assert.deepEqual(asked, []);
    const file = await saved(page, '.file a');
    const object = (await (await api(`/items/code_reservation/${id}?fields=*,export_file.*`)).json()).data;
    assert.equal(file.name, object.export_file.filename_download);
    assert.equal(file.text, await (await api(`/assets/${object.export_file.id}`)).text());
    assert.equal(file.text.trimEnd().split('\n').length, 101);
    // A larger one shows how far it is, and says so to those who do not see it.
    await reserve(page, { quantity: '600000', export_type: 'ndjson', reference_id: 'LARGER' });
    await page.waitForSelector('#moving');
    await page.evaluate(() => { window.isTheSamePage = true; });
    await ready(page);
    assert.equal(await page.evaluate(() => window.isTheSamePage), true);
    await page.waitForFunction(() => document.getElementById('live').textContent === 'LARGER: Ready.');
    await reserve(page, { quantity: '300000', export_type: 'ndjson', reference_id: 'LARGE' });
    await page.goto('/console/reservations');
    await page.evaluate(() => { window.isTheSamePage = true; });
    await page.waitForFunction(() => !document.querySelector('.badge.is-open'));
    assert.equal(await page.evaluate(() => window.isTheSamePage), true);
    assert.equal(await page.locator('.row:has(.row-title:text-is("LARGE")) .row-action a').count(), 1);
  },
  async 'each field says what is wrong with it while it is written'() {
    const page = await person(WRITER);
    await page.goto('/');
    await fill(page);
    await page.waitForSelector('.badge.is-sample');
    await page.click('details.more summary');
    for (const [name, value, message] of [
      ['quantity', '0', 'Value has to be greater than or equal to 1.'],
      ['quantity', 'many', 'Value has to be a whole number.'],
      ['product', '123', 'The product of type sgtin must be /01/ and the 14 digits of a GTIN.'],
      ['url_suffix', '?gtin=1', 'A key must not be a GS1 short name of an identifier, such as gtin or ser.'],
      ['length', '99', 'Value has to be less than or equal to 20.'],
      ['reference_id', 'x'.repeat(300), 'Value has to be at most 255 characters long.'],
    ]) {
      const before = await page.inputValue(`#${name}`);
      await page.fill(`#${name}`, value);
      await page.waitForFunction(([name, message]) => document.getElementById(`error-${name}`).textContent === message, [name, message]);
      await page.waitForFunction((name) => document.getElementById(name).getAttribute('aria-invalid') === 'true', name);
      await page.fill(`#${name}`, before);
      await page.waitForFunction((name) => !document.getElementById(`error-${name}`).textContent, name);
      await page.waitForFunction((name) => !document.getElementById(name).hasAttribute('aria-invalid'), name);
    }
    expected.push(/400/);
    await page.fill('#quantity', '');
    await page.click('#reserve button.primary');
    await page.waitForSelector('.notice.bad a[href="#quantity"]');
    assert.equal(await page.inputValue('#product'), FORM.product, 'what was written is kept');
  },
  async 'the fields follow the type of code'() {
    const page = await person(WRITER);
    await page.goto('/');
    await fill(page);
    await page.selectOption('#code_type', 'sscc');
    await page.waitForFunction(() => !document.getElementById('product'));
    assert.equal(await page.inputValue('#quantity'), '100');
    await page.waitForSelector('code:has-text("(00)")');
    await page.selectOption('#code_type', 'grai');
    await page.waitForSelector('#product');
  },
  async 'a double click reserves once'() {
    const page = await person(WRITER);
    const count = async () => (await (await api('/items/code_reservation?filter[reference_id][_eq]=DOUBLE&fields=id')).json()).data.length;
    await page.goto('/');
    await fill(page, { reference_id: 'DOUBLE' });
    await page.dblclick('#reserve button.primary');
    await page.waitForURL(/\/console\/reservations\//);
    assert.equal(await count(), 1);
    // Even if the script does not hold the second one back.
    const key = await page.goto('/').then(() => page.inputValue('input[name=key]'));
    const sent = await page.evaluate(async (fields) => {
      const send = () => fetch('/console/reserve', { method: 'POST', body: new URLSearchParams(fields) });
      return (await Promise.all([send(), send()])).map((answer) => answer.url);
    }, { ...FORM, reference_id: 'DOUBLE', key });
    assert.equal(sent[0], sent[1]);
    assert.equal(await count(), 2);
  },
  async 'a session that ended leads to the sign-in, and back'() {
    const page = await person(WRITER);
    await page.goto('/console/find');
    const other = await page.context().newPage();
    await other.goto('/');
    await other.click('.account button');
    await other.waitForSelector('text=You are signed out.');
    await page.click('nav a[href="/console/reservations"]');
    await page.waitForSelector('#token');
    assert.match(page.url(), /next=%2Fconsole%2Freservations/);
    await page.fill('#token', WRITER);
    await page.click('button[type=submit]:has-text("Sign in")');
    await page.waitForSelector('h1:has-text("Reservations")');
  },
  async 'what belongs to another organisation does not exist'() {
    const page = await person(WRITER);
    const id = await reserve(page);
    await ready(page);
    const north = await person(NORTH);
    expected.push(/403/);
    await north.goto(`/console/reservations/${id}`);
    await north.waitForSelector('h1:has-text("There is nothing here for you")');
    await north.goto('/console/reservations');
    await north.waitForSelector('text=Nothing reserved yet');
  },
  async 'markup in a reference and in the name of an organisation is text'() {
    const page = await person(TOKEN);
    const id = await reserve(page, { reference_id: MARKUP });
    await ready(page);
    assert.equal(await page.textContent('h1'), MARKUP);
    for (const path of ['/console/reservations', `/console/reservations/${id}`, `/console/reservations/${id}/delete`, '/console/organisations', '/']) {
      await page.goto(path);
      await page.waitForSelector('h1');
      assert.equal(await page.evaluate(() => window.hacked), undefined, path);
      assert.equal(await page.locator('main img, main script, main b[onmouseover]').count(), 0, path);
    }
    assert.match(await page.locator('#reserved_for, #organisations').first().evaluate(() => document.body.innerHTML), /&lt;b onmouseover/);
  },
  async 'a form of another origin does nothing'() {
    expected.push(/403/);
    const page = await person(WRITER);
    const id = await reserve(page);
    await ready(page);
    for (const [path, fields] of [[`/console/reservations/${id}/delete`, {}], ['/console/reserve', FORM], ['/console/sign-out', {}]]) {
      const foreign = await page.context().newPage();
      await foreign.goto(stranger.origin);
      await Promise.all([
        foreign.waitForURL((url) => url.origin === address),
        foreign.evaluate(([action, fields]) => {
          const form = document.createElement('form');
          Object.assign(form, { method: 'post', action });
          for (const [name, value] of Object.entries(fields)) {
            const input = document.createElement('input');
            Object.assign(input, { type: 'hidden', name, value });
            form.append(input);
          }
          document.body.append(form);
          form.submit();
        }, [address + path, fields]),
      ]);
      await foreign.waitForSelector('text=This form came from another site');
      await foreign.close();
    }
    await page.reload();
    await page.waitForSelector('.badge.is-good');
    const stays = (await api(`/items/code_reservation/${id}`)).status;
    assert.equal(stays, 200);
  },
  async 'without scripts codes are reserved and downloaded too'() {
    const page = await person(WRITER, { javaScriptEnabled: false });
    await page.goto('/');
    await page.selectOption('#code_type', 'sscc');
    await page.click('noscript button, button:has-text("Show the fields of this type")');
    assert.equal(await page.locator('#product').count(), 0);
    const id = await reserve(page, { reference_id: 'PLAIN' });
    for (let tries = 0; tries < 100 && (await page.locator('.badge.is-good').count()) === 0; tries += 1) {
      await page.waitForTimeout(200);
      await page.reload();
    }
    const file = await saved(page, '.file a');
    assert.equal(file.text.trimEnd().split('\n').length, 101);
    await page.click(`a[href="/console/reservations/${id}/delete"]`);
    await page.click('form[action$="/delete"] button');
    await page.waitForSelector('text=The reservation was deleted.');
  },
  async 'a file is written again in another format with the same codes'() {
    const page = await person(WRITER);
    await reserve(page, { reference_id: 'AGAIN', quantity: '3' });
    await ready(page);
    const first = await saved(page, '.file a');
    await page.selectOption('#again', 'txt');
    await page.click('form[action$="/again"] button');
    await page.waitForSelector('.file-name:has-text(".txt")');
    const second = await saved(page, '.file a');
    const links = first.text.trim().split('\n').slice(1).map((line) => line.split(',')[2]);
    assert.deepEqual(second.text.trim().split('\n'), links);
  },
  async 'a code is found by what is pasted and by what the camera sees'() {
    const page = await person(WRITER);
    const id = await reserve(page, { reference_id: 'FIND', quantity: '9' });
    await ready(page);
    const row = (await saved(page, '.file a')).text.split('\n')[7].split(',');
    for (const text of [row[2], row[3], row[4], row[2].replace('https://', '')].filter(Boolean)) {
      await page.goto('/console/find');
      await page.fill('#code', text);
      await page.click('#find button.primary');
      await page.waitForSelector('text=It is code 7 of 9 of this reservation.');
    }
    assert.equal(await page.locator(`a[href="/console/reservations/${id}"]`).count(), 1);
    await page.context().addInitScript((link) => {
      window.BarcodeDetector = class {
        static async getSupportedFormats() { return ['qr_code', 'aztec']; }
        async detect() { return [{ rawValue: link }]; }
      };
    }, row[2]);
    await page.goto('/console/find');
    await page.click('#scan');
    await page.waitForSelector('text=It is code 7 of 9 of this reservation.');
  },
  async 'the keyboard is enough'() {
    const page = await person(WRITER);
    await page.goto('/');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
    assert.ok(await page.evaluate(() => document.activeElement.getBoundingClientRect().left >= 0), 'the link is seen');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'content');
    await page.keyboard.press('Tab');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'reserved_for');
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.notEqual(outline, 'none', 'what has the focus is seen');
    await fill(page, { reference_id: 'KEYS' });
    await page.focus('#reference_id');
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/console\/reservations\//);
  },
  async 'German people read German'() {
    const page = await person(WRITER, { locale: 'de-DE' });
    await page.waitForSelector('h1:has-text("Codes reservieren")');
    assert.equal(await page.getAttribute('html', 'lang'), 'de');
    await page.click('.languages button[value=en]');
    await page.waitForSelector('h1:has-text("Reserve codes")');
  },
  async 'the first load is small and comes compressed'() {
    const context = await browser.newContext({ baseURL: address });
    contexts.push(context);
    const page = await context.newPage();
    const devtools = await context.newCDPSession(page);
    await devtools.send('Network.enable');
    let bytes = 0;
    devtools.on('Network.loadingFinished', ({ encodedDataLength }) => { bytes += encodedDataLength; });
    await signIn(page, WRITER);
    await page.waitForLoadState('networkidle');
    console.log(`      first load, sign-in and form: ${bytes} bytes`);
    assert.ok(bytes > 10_000 && bytes < MAX_LOAD, `${bytes} bytes`);
  },
  async 'every page passes axe and fits at every width, light and dark'() {
    await rm(screens, { recursive: true, force: true });
    await mkdir(screens, { recursive: true });
    const page = await person(TOKEN);
    const id = await reserve(page, { reference_id: 'BATCH-2024-002', quantity: '2500' });
    await ready(page);
    // More codes than six digits have room for.
    const failing = await create({
      code_type: 'sgtin', product: '/01/19361758000003', length: 6, character_set: 'numeric', quantity: 5_000, reference_id: 'Autumn labels',
    });
    await page.goto(`/console/reservations/${failing.id}`);
    await page.waitForSelector('.badge.is-bad, .badge.is-good');
    const link = (await (await api(`/items/unique_code?filter[reservation][_eq]=${id}&limit=1&fields=digital_link`)).json()).data[0].digital_link;
    const pages = {
      reserve: '/',
      reservations: '/console/reservations',
      reservation: `/console/reservations/${id}`,
      failed: `/console/reservations/${failing.id}`,
      delete: `/console/reservations/${id}/delete`,
      find: '/console/find',
      found: `/console/find?code=${encodeURIComponent(link)}`,
      'not-found': '/console/find?code=https%3A%2F%2Fid.gs1.org%2F01%2F19361758000003%2F21%2Fabcdefgh',
      pools: '/console/pools',
      users: '/console/users',
      organisations: '/console/organisations',
      missing: '/console/nothing',
      'sign-in': '/console/sign-in',
    };
    expected.push(/404/);
    const wrong = [];
    for (const colorScheme of ['light', 'dark']) {
      const nobody = await person(undefined, { colorScheme });
      await page.emulateMedia({ colorScheme });
      for (const [name, path] of Object.entries(pages)) {
        const shown = name === 'sign-in' ? nobody : page;
        await shown.goto(path);
        if (name === 'reserve') {
          await fill(shown);
          await shown.waitForSelector('.badge.is-sample');
        }
        for (const width of [320, 768, 1280]) {
          await shown.setViewportSize({ width, height: 900 });
          const overflow = await shown.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          if (overflow > 0) wrong.push(`${name} at ${width}: ${overflow} px too wide`);
          const found = await violations(shown);
          wrong.push(...found.map((text) => `${name} at ${width}, ${colorScheme}: ${text}`));
          await shown.screenshot({ path: join(screens, `${name}-${width}-${colorScheme}.png`), fullPage: true });
        }
      }
    }
    assert.deepEqual(wrong, []);
  },
  async 'the picture of the README is small'() {
    const page = await person(WRITER, { colorScheme: 'light', viewport: { width: 1200, height: 760 } });
    const file = join(screens, 'readme.png');
    await page.goto('/');
    await fill(page);
    await page.waitForSelector('.badge.is-sample');
    await page.evaluate(() => document.activeElement.blur());
    await page.screenshot({ path: file });
    const { size } = await stat(file);
    console.log(`      ${size} bytes`);
    assert.ok(size < MAX_PICTURE, `${size} bytes`);
    if (values.update) await writeFile('docs/console.png', await readFile(file));
    else assert.ok((await stat('docs/console.png')).size < MAX_PICTURE);
  },
};

let failed = 0;
const chosen = Object.entries(checks).filter(([name]) => name.includes(values.only));
for (const [name, check] of chosen) {
  faults.length = 0;
  expected.length = 0;
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
