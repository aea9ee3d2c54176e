// What others try: markup, forms of other sites, what belongs to another organisation, large inputs.
import assert from 'node:assert/strict';
import { ADMIN, FORM, MARKUP, NORTH, WRITER, address, api, expected, person, ready, reserve, stranger } from './people.mjs';

export const checks = {
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
    const page = await person(ADMIN);
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
  async 'another site cannot show a page in a frame, read one, or lead away from the sign-in'() {
    expected.push(/frame|X-Frame-Options|Content Security Policy|CORS|ERR_FAILED|ERR_BLOCKED|Failed to load/i);
    const page = await person(WRITER);
    await page.goto(stranger.origin);
    const framed = await page.evaluate(async (address) => {
      const frame = document.createElement('iframe');
      frame.src = `${address}/`;
      document.body.append(frame);
      await new Promise((resolve) => { frame.onload = resolve; setTimeout(resolve, 3_000); });
      try { return frame.contentDocument?.body?.innerText ?? 'closed'; } catch { return 'closed'; }
    }, address);
    assert.ok(!framed.includes('Reserve'), framed);
    const read = await page.evaluate(async (address) => {
      try { return (await (await fetch(`${address}/console/reservations`, { credentials: 'include' })).text()).length; } catch { return 'refused'; }
    }, address);
    assert.equal(read, 'refused');
    const nobody = await person();
    for (const next of ['//127.0.0.1:1/', `${stranger.origin}/`, 'javascript:window.hacked=1', '/\\127.0.0.1:1']) {
      await nobody.context().clearCookies();
      await nobody.goto(`/console/sign-in?next=${encodeURIComponent(next)}`);
      await nobody.fill('#token', WRITER);
      await nobody.click('button[type=submit]:has-text("Sign in")');
      await nobody.waitForSelector('h1:has-text("Reserve codes")');
      assert.equal(nobody.url(), `${address}/`, next);
    }
  },
  async 'what is far too long is refused in words'() {
    expected.push(/400|414|431/);
    const page = await person(WRITER);
    await page.goto('/');
    const answer = await page.evaluate(async (fields) => {
      const sent = await fetch('/console/reserve', { method: 'POST', body: new URLSearchParams({ ...fields, reference_id: 'x'.repeat(50_000) }) });
      return [sent.status, await sent.text()];
    }, FORM);
    assert.equal(answer[0], 400);
    assert.match(answer[1], /too large/);
    await page.goto(`/console/find?code=${'9'.repeat(5_000)}`);
    await page.waitForSelector('text=a code and its product have at most 2,048 characters each');
  },
};
