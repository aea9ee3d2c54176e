// Signing in and out, sessions, and the language of a page.
import assert from 'node:assert/strict';
import { WRITER, address, api, expected, fill, person, service, signIn } from './people.mjs';

export const checks = {
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
  async 'German people read German'() {
    const page = await person(WRITER, { locale: 'de-DE' });
    await page.waitForSelector('h1:has-text("Codes reservieren")');
    assert.equal(await page.getAttribute('html', 'lang'), 'de');
    await page.click('.languages button[value=en]');
    await page.waitForSelector('h1:has-text("Reserve codes")');
  },
  async 'what was written in the form survives a session that ends'() {
    const page = await person(WRITER);
    await page.goto('/');
    await fill(page, { reference_id: 'KEPT', lot: 'L7' });
    const other = await page.context().newPage();
    await other.goto('/');
    // The check of the form may come after the session, and lead to the sign-in before the button does.
    expected.push(/401/);
    await other.click('.account button');
    await other.waitForSelector('text=You are signed out.');
    await Promise.all([page.waitForSelector('#token'), page.click('#reserve button.primary', { timeout: 5000 }).catch(() => null)]);
    await page.fill('#token', WRITER);
    await page.click('button[type=submit]:has-text("Sign in")');
    await page.waitForSelector('h1:has-text("Reserve codes")');
    assert.deepEqual([await page.inputValue('#reference_id'), await page.inputValue('#lot')], ['KEPT', 'L7']);
    assert.deepEqual((await (await api('/items/code_reservation?filter[reference_id][_eq]=KEPT&fields=id')).json()).data, []);
  },
  async 'the longest form survives a session that ends, with the headers that a browser sends'() {
    // Each character takes twelve in an address.
    const members = { reference_id: '🍎'.repeat(255), url_suffix: `?campaign=%C3%A4${'&a%2B=!$*%F0%9F%8D%8E'.repeat(11)}`, lot: '%&/()*+,-.:;<=>?_A' };
    const page = await person(WRITER);
    await page.goto('/');
    await fill(page, members);
    await page.waitForSelector('.badge.is-sample');
    await page.context().clearCookies();
    expected.push(/401/);
    await Promise.all([page.waitForSelector('#token'), page.click('#reserve button.primary', { timeout: 5000 }).catch(() => null)]);
    // Another language on the way.
    await page.click('.languages button[value=de]');
    await page.waitForSelector('html[lang=de] #token');
    await page.fill('#token', WRITER);
    await page.click('form[action="/console/sign-in"] button');
    await page.waitForSelector('#reference_id');
    for (const [name, value] of Object.entries(members)) assert.equal(await page.inputValue(`#${name}`), value, name);
  },
  async 'a session that ends while a page moves leads to the sign-in'() {
    const page = await person(WRITER);
    expected.push(/401/);
    await page.goto('/');
    await page.context().clearCookies();
    await page.fill('#quantity', '5');
    await page.waitForSelector('#token');
    await page.waitForSelector('text=Your session has ended.');
  },
  async 'a German page says in German what is wrong and marks what is English'() {
    const page = await person(WRITER, { locale: 'de-DE' });
    await page.goto('/');
    await fill(page);
    await page.fill('#product', '123');
    await page.waitForFunction(() => document.getElementById('error-product').textContent.startsWith('Das ist kein Produkt dieser Art.'));
    await fill(page, { url_suffix: '?gtin=1' });
    await page.waitForSelector('#error-url_suffix span[lang=en]');
    const text = await page.textContent('#error-url_suffix');
    assert.match(text, /^Der Dienst sagt: A key must not be/);
  },
};
