// How the pages look and load: axe on each, at every width, light and dark; the size of the first load; the picture of the
// README.
import assert from 'node:assert/strict';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ADMIN, WRITER, address, api, binary, browser, contexts, create, expected, fill, known, person, ready, reserve, signIn, tools, values, violations } from './people.mjs';
import { local } from './system.mjs';

const screens = join(tools, 'screens');
// A reservation of the seed whose export never ends.
const MOVING = 'c0501e00-0000-4000-8000-0000000000aa';
// The longest words that the rules allow, without a space, a hyphen or a slash at which browsers break lines.
const WORD = 'Reference_without_spaces_'.repeat(12);
const REFERENCE = WORD.slice(0, 228);
const PRODUCT = '/8010/9361758' + 'ABCDEFGH0123456789WXYZ0';
const LOT = 'LOTWITHOUTSPACES1234';
const SUFFIX = `?campaign=${WORD}`.slice(0, 255);
// The largest picture that the repository keeps (bytes).
const MAX_PICTURE = 150_000;
// The largest first load (bytes as they are sent).
const MAX_LOAD = 60_000;

export const checks = {
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
    const page = await person(ADMIN);
    const id = await reserve(page, { reference_id: 'BATCH-2024-002', quantity: '2500' });
    await ready(page);
    // More codes than six digits have room for.
    const failing = await create({
      code_type: 'sgtin', product: '/01/19361758000003', length: 6, character_set: 'numeric', quantity: 5_000, reference_id: 'Autumn labels',
    });
    await page.goto(`/console/reservations/${failing.id}`);
    await page.waitForSelector('.badge.is-bad, .badge.is-good');
    const link = (await (await api(`/items/unique_code?filter[reservation][_eq]=${id}&limit=1&fields=digital_link`)).json()).data[0].digital_link;
    const sample = async (shown, members) => {
      await fill(shown, members);
      await shown.waitForSelector('.badge.is-sample');
    };
    const GOODS = { lot: 'L-7', expiry_date: '2027-12-31', url_suffix: '?campaign=spring' };
    // What is done on a page before it is looked at.
    const before = {
      reserve: (shown) => sample(shown, {}),
      'reserve-more': (shown) => sample(shown, GOODS),
      'reserve-pallets': async (shown) => {
        await shown.selectOption('#code_type', 'sscc');
        await shown.waitForFunction(() => !document.getElementById('product'));
      },
      'reserve-wrong': async (shown) => {
        await fill(shown, { quantity: '0', product: '123', lot: 'ü' });
        await shown.click('#reserve button.primary');
        await shown.waitForSelector('.notice.bad');
      },
      'wrong-token': async (shown) => {
        await shown.fill('#token', 'wrong');
        await shown.click('form[action="/console/sign-in"] button');
        await shown.waitForSelector('#token-error');
      },
    };
    const signedOut = ['sign-in', 'signed-out', 'wrong-token'];
    const pages = {
      reserve: '/',
      'reserve-more': '/',
      'reserve-pallets': '/',
      'reserve-wrong': '/',
      moving: `/console/reservations/${MOVING}`,
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
      'signed-out': '/console/sign-in?said=out',
      'wrong-token': '/console/sign-in',
    };
    expected.push(/40[014]/);
    const wrong = [];
    for (const colorScheme of ['light', 'dark']) {
      const nobody = await person(undefined, { colorScheme });
      await page.emulateMedia({ colorScheme });
      for (const [name, path] of Object.entries(pages)) {
        const shown = signedOut.includes(name) ? nobody : page;
        await shown.goto(path);
        await before[name]?.(shown);
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
    // German words are longer.
    const german = await person(ADMIN, { locale: 'de-DE' });
    for (const [name, path] of Object.entries(pages).filter(([name]) => !signedOut.includes(name))) {
      await german.goto(path);
      await before[name]?.(german);
      await german.setViewportSize({ width: 320, height: 900 });
      const overflow = await german.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (overflow > 0) wrong.push(`${name} at 320 in German: ${overflow} px too wide`);
      wrong.push(...(await violations(german)).map((text) => `${name} in German: ${text}`));
      await german.screenshot({ path: join(screens, `${name}-320-german.png`), fullPage: true });
    }
    assert.deepEqual(wrong, []);
  },
  async 'the longest words fit at 320 px on every page'() {
    const seed = JSON.parse(await readFile(join(tools, 'seed.json'), 'utf8'));
    const organisation = '/417/9312345000012';
    seed.organisation[0].organisation_name = WORD.slice(0, 255);
    seed.organisation[0].city = WORD.slice(0, 255);
    Object.assign(seed.directus_users[0], { first_name: WORD.slice(0, 255), last_name: WORD.slice(0, 255), email: `${WORD.slice(0, 200)}@example.com` });
    const row = { reserved_for: organisation, code_type: 'cpi', product: PRODUCT, quantity: 100, export_type: 'csv', reference_id: REFERENCE, url_suffix: SUFFIX };
    const FAILED = 'c0501e00-0000-4000-8000-0000000000f1';
    const MOVES = 'c0501e00-0000-4000-8000-0000000000f2';
    seed.code_reservation = [
      { ...row, id: FAILED, status: 'error', error_message: WORD, date_created: '2026-11-20T08:15:00Z' },
      { ...row, id: MOVES, status: 'in_progress', quantity: 2500000, quantity_reserved: 900000, date_created: '2026-11-20T08:16:00Z' },
    ];
    const file = join(tools, 'long.json');
    await writeFile(file, JSON.stringify(seed));
    const own = await local(binary, ['--seed', file]);
    known.push(own.address);
    expected.push(/40[0134]|422/);
    try {
      const options = { baseURL: own.address, viewport: { width: 320, height: 900 } };
      for (const locale of ['en-GB', 'de-DE']) {
        const wrong = [];
        const fits = async (shown, name) => {
          const [page, view, widest] = await shown.evaluate(() => {
            const { scrollWidth, clientWidth } = document.documentElement;
            const all = [...document.querySelectorAll('body *')].filter((node) => node.getBoundingClientRect().right > clientWidth + 1 && !node.closest('.visually-hidden, .skip, svg'));
            return [scrollWidth, clientWidth, all.slice(0, 3).map((node) => node.outerHTML.slice(0, 120))];
          });
          if (page > view) wrong.push(`${name}: ${page - view} px too wide: ${widest.join(' | ')}`);
          // Playwright hides the caret with a style that the policy of the page forbids.
          await shown.screenshot({ caret: 'initial', path: join(screens, `long-${name}-320-${locale.slice(0, 2)}.png`), fullPage: true });
        };
        const nobody = await person(undefined, { ...options, locale });
        const once = locale === 'en-GB' ? own.signIn : `${own.address}/console/sign-in/once?key=x`;
        await nobody.goto(once);
        await fits(nobody, 'once');
        const page = await person(ADMIN, { ...options, locale });
        const id = await reserve(page, { code_type: 'cpi', product: PRODUCT, quantity: '3', reference_id: REFERENCE, url_suffix: SUFFIX, export_type: 'zpl' });
        await ready(page);
        await fits(page, 'reservation');
        const goods = await reserve(page, { quantity: '3', reference_id: REFERENCE, lot: LOT, url_suffix: SUFFIX });
        await ready(page);
        await fits(page, 'reservation-lot');
        const link = await page.textContent('.small-link');
        await page.goto('/');
        await fill(page, { reference_id: REFERENCE, lot: LOT, url_suffix: SUFFIX });
        await page.waitForSelector('.badge.is-sample');
        await fits(page, 'reserve');
        await fill(page, { quantity: WORD, reference_id: WORD, product: WORD, url_suffix: WORD, length: '99' });
        await page.evaluate(() => HTMLFormElement.prototype.submit.call(document.getElementById('reserve')));
        await page.waitForSelector('.notice.bad');
        await fits(page, 'reserve-wrong');
        // A form that was sent before.
        const key = await page.goto('/').then(() => page.inputValue('input[name=key]'));
        for (const quantity of ['1', '2']) {
          await page.goto('/');
          await fill(page, { quantity, reference_id: REFERENCE });
          await page.evaluate((key) => { document.querySelector('input[name=key]').value = key; }, key);
          await page.click('#reserve button.primary');
          await page.waitForSelector('h1');
          await page.waitForLoadState();
        }
        await fits(page, 'sent-before');
        for (const [name, path] of Object.entries({
          reservations: '/console/reservations',
          filtered: `/console/reservations?q=${REFERENCE}&product=${encodeURIComponent(PRODUCT)}&reference_id=${REFERENCE}&reserved_for=${WORD}`,
          beyond: '/console/reservations?page=9',
          failed: `/console/reservations/${FAILED}`,
          moving: `/console/reservations/${MOVES}`,
          delete: `/console/reservations/${id}/delete`,
          'delete-lot': `/console/reservations/${goods}/delete`,
          found: `/console/find?code=${encodeURIComponent(link)}`,
          'not-found': `/console/find?code=${WORD.replaceAll('_', '')}&product=${WORD}`,
          'too-long': `/console/find?code=${'9'.repeat(2_100)}`,
          pools: '/console/pools',
          users: '/console/users',
          organisations: '/console/organisations',
          missing: `/console/${WORD}`,
          forbidden: '/console/reservations/c0501e00-0000-4000-8000-0000000000ff',
        })) {
          await page.goto(path);
          await page.waitForSelector('h1');
          await fits(page, name);
        }
        await page.goto(`/console/reservations/${FAILED}`);
        await page.click('form[action$="/again"] button');
        await page.waitForSelector('h1');
        await fits(page, 'again');
        assert.deepEqual(wrong, [], locale);
      }
    } finally {
      own.close();
    }
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
