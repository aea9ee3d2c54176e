// Finding a code by what is on a label, in a tag, or before the camera.
import assert from 'node:assert/strict';
import { WRITER, address, api, person, ready, reserve, saved } from './people.mjs';

export const checks = {
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
  async 'a code is found by the memory of its tag and by what scanners type'() {
    const page = await person(WRITER);
    const id = await reserve(page, { reference_id: 'TAG', quantity: '9', character_set: 'rfid96', product: '19361758000000' });
    await ready(page);
    const [row] = (await (await api(`/items/unique_code?filter[reservation][_eq]=${id}&limit=1&offset=6&fields=*,epc_hex`)).json()).data;
    const data = row.epc_join_key.replace(/\((\d+)\)/g, '$1');
    assert.match(row.epc_hex, /^[0-9A-F]{24}$/);
    for (const text of [row.epc_hex, row.epc_hex.toLowerCase(), row.epc_hex.match(/.{4}/g).join(' '), `]d2${data}`, `]C1${data}`, data]) {
      await page.goto('/console/find');
      await page.fill('#code', text);
      await page.click('#find button.primary');
      await page.waitForSelector('text=It is code 7 of 9 of this reservation.');
      assert.equal(await page.locator(`a[href="/console/reservations/${id}"]`).count(), 1, text);
    }
    assert.equal(await page.locator('.found .picture svg').count(), 2);
    await page.goto('/console/find');
    await page.fill('#code', 'what is this?');
    await page.click('#find button.primary');
    await page.waitForSelector('text=This cannot be read as a code');
    assert.equal(new URL(page.url()).origin, address);
  },
};
