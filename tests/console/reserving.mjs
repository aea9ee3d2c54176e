// Reserving codes, watching them, downloading their file.
import assert from 'node:assert/strict';
import { FORM, WRITER, api, expected, fill, person, ready, reserve, saved } from './people.mjs';

export const checks = {
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
  async 'lot and dates are in the sample, in the file and on the page'() {
    const page = await person(WRITER);
    await page.goto('/');
    await fill(page, { reference_id: 'LOT', quantity: '3', lot: 'L-7', expiry_date: '2027-12-31' });
    await page.waitForSelector('#sample code:has-text("(17)271231(10)L-7(21)")');
    await page.fill('#production_date', '2028-01-01');
    await page.waitForFunction(() => document.getElementById('error-expiry_date').textContent.includes('2028-01-01'));
    await page.fill('#production_date', '');
    await page.waitForFunction(() => !document.getElementById('error-expiry_date').textContent);
    await Promise.all([page.waitForURL(/\/console\/reservations\//), page.click('#reserve button.primary')]);
    await ready(page);
    assert.match((await saved(page, '.file a')).text, /\(17\)271231\(10\)L-7\(21\)/);
    for (const text of ['L-7', '31 Dec 2027']) await page.waitForSelector(`dd:text-is("${text}")`);
    // A day that is not written to its end is not left out in silence.
    await page.goto('/');
    await fill(page, { reference_id: 'HALF-A-DAY', quantity: '1', lot: 'L-8' });
    await page.focus('#expiry_date');
    await page.keyboard.type('12');
    assert.equal(await page.inputValue('#expiry_date'), '');
    await page.click('#reserve button.primary');
    await page.waitForSelector('#error-expiry_date:has-text("Value has to be a day of the calendar")');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'expiry_date');
    assert.deepEqual((await (await api('/items/code_reservation?filter[reference_id][_eq]=HALF-A-DAY&fields=id')).json()).data, []);
    // Codes of other types have none.
    await page.goto('/');
    await page.click('details.more summary');
    await page.waitForSelector('#lot');
    await page.selectOption('#code_type', 'sscc');
    await page.waitForFunction(() => !document.getElementById('lot') && !document.getElementById('expiry_date'));
  },
  async 'the built-in layouts are offered, and the file of one comes'() {
    const page = await person(WRITER);
    await page.goto('/');
    const offered = await page.locator('#export_type option').evaluateAll((options) => options.map(({ value }) => value));
    for (const name of ['csv', 'xlsx', 'json.gz', 'zpl', 'excel', 'bartender']) assert.ok(offered.includes(name), name);
    await reserve(page, { export_type: 'zpl', quantity: '2', reference_id: 'ZEBRA' });
    await ready(page);
    const file = await saved(page, '.file a');
    assert.equal(file.text.match(/\^XA/g).length, 2);
  },
  async 'both symbols of a code are shown'() {
    const page = await person(WRITER);
    await reserve(page, { quantity: '2', reference_id: 'SYMBOLS' });
    await ready(page);
    for (const name of ['QR code with the link', 'GS1 DataMatrix']) {
      assert.equal(await page.locator(`.codes .picture[aria-label^="${name}: "] svg`).count(), 2, name);
    }
  },
  async 'progress goes on after answers that did not come'() {
    const page = await person(WRITER);
    expected.push(/503|Failed to load|ERR_FAILED|htmx:(responseError|sendError)/);
    let refused = 0;
    await page.route('**/progress?*', async (route) => {
      refused += 1;
      if (refused === 1) await route.fulfill({ status: 503, body: '' });
      else if (refused === 2) await route.abort();
      else await route.continue();
    });
    await reserve(page, { quantity: '1000000', export_type: 'ndjson', reference_id: 'OUTAGE' });
    await page.waitForSelector('#moving');
    await ready(page);
    assert.ok(refused >= 3, `${refused}`);
  },
};
