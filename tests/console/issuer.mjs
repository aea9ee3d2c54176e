// Signing in at an issuer in a real browser. The issuer is another site (`localhost` beside `127.0.0.1`), so the browser keeps
// Strict cookies back from its redirect.
import assert from 'node:assert/strict';
import { createHash, createSign, generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { binary, browser, contexts, expected, known, tools, watch } from './people.mjs';
import { local } from './system.mjs';

const CLIENT = 'console-client';
const SUBJECT = 'sub|7';
const SEED = {
  organisation: [{ id: '/417/9312345000012', organisation_name: 'Acme', organisation_company_prefix: '9361758' }],
  directus_users: [
    {
      id: 'c0501e00-0000-4000-8000-000000000007',
      first_name: 'Olga',
      last_name: 'Oidc',
      role: 'writer',
      external_identifier: SUBJECT,
      organisations: ['/417/9312345000012'],
    },
  ],
};

const encoded = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

// An issuer whose page has a button. `fault` changes the claims of the next ID token.
async function issuer() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { ...publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'ES256', use: 'sig' };
  const codes = new Map();
  const fake = { fault: {} };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, fake.origin);
    const json = (value, status = 200) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    if (url.pathname === '/.well-known/openid-configuration') {
      return json({
        issuer: fake.origin,
        jwks_uri: `${fake.origin}/keys`,
        authorization_endpoint: `${fake.origin}/authorize`,
        token_endpoint: `${fake.origin}/token`,
      });
    }
    if (url.pathname === '/keys') return json({ keys: [key] });
    if (url.pathname === '/authorize') {
      const asked = Object.fromEntries(url.searchParams);
      const code = `code ${codes.size}&`;
      codes.set(code, asked);
      const back = new URL(asked.redirect_uri);
      back.searchParams.set('code', code);
      back.searchParams.set('state', asked.state);
      const refused = new URL(asked.redirect_uri);
      refused.searchParams.set('error', 'access_denied');
      refused.searchParams.set('state', asked.state);
      response.setHeader('content-type', 'text/html; charset=utf-8');
      const href = ({ href }) => href.replaceAll('&', '&amp;');
      return response.end(
        `<!doctype html><title>issuer</title><link rel="icon" href="data:,"><a id="yes" href="${href(back)}">yes</a> <a id="no" href="${href(refused)}">no</a>`,
      );
    }
    if (url.pathname === '/token') {
      let body = '';
      for await (const chunk of request) body += chunk;
      const sent = Object.fromEntries(new URLSearchParams(body));
      const asked = codes.get(sent.code);
      codes.delete(sent.code);
      const challenge = createHash('sha256').update(sent.code_verifier ?? '').digest('base64url');
      if (!asked || challenge !== asked.code_challenge || sent.redirect_uri !== asked.redirect_uri) return json({ error: 'invalid_grant' }, 400);
      const claims = {
        iss: fake.origin, aud: CLIENT, sub: SUBJECT, nonce: asked.nonce, exp: Math.floor(Date.now() / 1000) + 600, ...fake.fault,
      };
      fake.fault = {};
      const signed = `${encoded({ alg: 'ES256', typ: 'JWT', kid: 'k1' })}.${encoded(claims)}`;
      const signature = createSign('SHA256').update(signed).sign({ key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
      return json({ access_token: 'opaque', token_type: 'Bearer', id_token: `${signed}.${signature}` });
    }
    return json({}, 404);
  });
  await new Promise((resolve) => server.listen(0, 'localhost', resolve));
  fake.origin = `http://localhost:${server.address().port}`;
  fake.close = () => server.close();
  return fake;
}

// A service that people sign in to at an issuer, and a browser.
async function at(run) {
  const fake = await issuer();
  const seed = join(tools, 'issuer-seed.json');
  await writeFile(seed, JSON.stringify(SEED));
  const parameters = { OidcIssuer: fake.origin, OidcAudience: 'codes', OidcClientId: CLIENT };
  const options = Object.entries(parameters).flatMap(([name, value]) => ['--parameter', `${name}=${value}`]);
  const service = await local(binary, ['--seed', seed, ...options]);
  known.push(fake.origin, service.address);
  const context = await browser.newContext({ baseURL: service.address, locale: 'en-GB' });
  contexts.push(context);
  watch(context);
  try {
    await run({ fake, service, context, page: await context.newPage() });
  } finally {
    await context.close();
    service.close();
    fake.close();
  }
}

const session = async (context) => (await context.cookies()).find(({ name }) => name === 'console_session');

export const checks = {
  async 'a person signs in at the issuer and comes back to the page, with a Strict cookie'() {
    await at(async ({ fake, service, context, page }) => {
      await page.goto('/console/reservations?status=complete');
      await page.click('a[href^="/console/sign-in/oidc"]');
      await page.waitForURL(`${fake.origin}/**`);
      const login = (await context.cookies()).find(({ name }) => name === 'console_login');
      assert.deepEqual([login.httpOnly, login.sameSite], [true, 'Lax']);
      await page.click('#yes');
      await page.waitForSelector('h1:has-text("Reservations")');
      assert.equal(page.url(), `${service.address}/console/reservations?status=complete`);
      const cookie = await session(context);
      assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, 'Strict']);
      assert.equal((await context.cookies()).some(({ name }) => name === 'console_login'), false, 'it is used up');
      await page.waitForSelector('.who:has-text("Olga Oidc")');
      // A link of another site leads to the page, although the browser keeps the cookie back at first.
      await page.goto(`${fake.origin}/authorize?redirect_uri=${encodeURIComponent(`${service.address}/console/find`)}&state=x`);
      await page.click('#yes');
      await page.waitForSelector('h1:has-text("Find a code")');
      await page.click('.account button');
      await page.waitForSelector('text=You are signed out.');
      assert.equal(await session(context), undefined);
    });
  },
  async 'signing in at the issuer brings back the longest form, and ends the session that the browser had'() {
    await at(async ({ fake, service, context, page }) => {
      const values = { reference_id: '🍎'.repeat(255), url_suffix: `?campaign=%C3%A4${'&a%2B=!$*%F0%9F%8D%8E'.repeat(11)}`, quantity: '7' };
      await page.goto(`/?${new URLSearchParams(values)}`);
      await page.click('a[href^="/console/sign-in/oidc"]');
      await page.waitForURL(`${fake.origin}/**`);
      await page.click('#yes');
      await page.waitForSelector('#reference_id');
      for (const [name, value] of Object.entries(values)) assert.equal(await page.inputValue(`#${name}`), value, name);
      const first = await session(context);
      // The browser keeps the Strict cookie back from the issuer's redirect.
      await page.goto('/console/sign-in/oidc');
      await page.waitForURL(`${fake.origin}/**`);
      await page.click('#yes');
      await page.waitForURL(`${service.address}/`);
      await page.waitForSelector('.who:has-text("Olga Oidc")');
      assert.notEqual((await session(context)).value, first.value);
      const copy = await browser.newContext({ baseURL: service.address });
      contexts.push(copy);
      await copy.addCookies([first]);
      const other = await copy.newPage();
      await other.goto('/console/find');
      await other.waitForSelector('text=Your session has ended.');
    });
  },
  async 'a sign-in that was cancelled, forged or begun elsewhere signs nobody in'() {
    await at(async ({ fake, service, context, page }) => {
      expected.push(/40[03]/);
      const begin = async () => {
        await page.goto('/console/sign-in');
        await page.click('a[href^="/console/sign-in/oidc"]');
        await page.waitForURL(`${fake.origin}/**`);
      };
      await begin();
      await page.click('#no');
      await page.waitForSelector('text=Signing in was cancelled.');
      for (const [fault, text] of [
        [{ nonce: 'of-another' }, 'Signing in did not work.'],
        [{ aud: 'another' }, 'Signing in did not work.'],
        [{ sub: 'stranger' }, 'it may not use this service yet'],
      ]) {
        await begin();
        fake.fault = fault;
        await page.click('#yes');
        await page.waitForSelector(`text=${text}`);
        assert.equal(await session(context), undefined, JSON.stringify(fault));
      }
      // The address with which somebody else would come back.
      await begin();
      const theirs = await page.getAttribute('#yes', 'href');
      const victim = await browser.newContext({ baseURL: service.address });
      contexts.push(victim);
      const other = await victim.newPage();
      await other.goto(theirs);
      await other.waitForSelector('text=Signing in did not work.');
      assert.equal(await session(victim), undefined);
    });
  },
};
