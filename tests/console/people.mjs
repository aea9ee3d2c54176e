// What the checks share: the service, a browser, people who use it, and what no page may do.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium as engine } from 'playwright-core';
import { TOKEN, local, page as emptyPage } from './system.mjs';

export const { values, positionals } = parseArgs({
  options: { update: { type: 'boolean', default: false }, only: { type: 'string', default: '' } },
  allowPositionals: true,
});
export const [binary, chromium] = positionals;
export const tools = dirname(fileURLToPath(import.meta.url));
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const ADMIN = TOKEN;
export const WRITER = 'writer-token';
export const NORTH = 'north-token';
export const ORGANISATION = '/417/9312345000012';
export const MARKUP = `<script>window.hacked=1</script>"'><img src=x onerror="window.hacked=1">&amp;`;

export const stranger = await emptyPage();
export const service = await local(binary, ['--seed', join(tools, 'seed.json')]);
export const { address } = service;
export const browser = await engine.launch({
  executablePath: chromium,
  // A camera that shows something, and a person who allows it.
  args: ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
});

// What no page may do: write an error to the console, or ask another host. Downloads come from the bucket.
// htmx reports requests that end because the person goes on to another page, or writes on.
const ALWAYS = [/htmx:(afterRequest|sendAbort|abort)/];
export const faults = [];
// Patterns of messages, and origins, that a check expects.
export const expected = [];
export const known = [];
export const contexts = [];

export function watch(context) {
  context.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    const text = `${message.text()} (${message.location().url})`;
    if (![...ALWAYS, ...expected].some((pattern) => pattern.test(text))) faults.push(`console: ${text}`);
  });
  context.on('weberror', (error) => faults.push(`script: ${error.error().stack}`));
  context.on('request', (request) => {
    const url = new URL(request.url());
    const isDownload = url.searchParams.has('X-Amz-Signature');
    const isKnown = [address, stranger.origin, ...known].includes(url.origin);
    if (!isKnown && !isDownload && !['data:', 'about:', 'blob:'].includes(url.protocol)) {
      faults.push(`request to ${url.origin}${url.pathname}`);
    }
  });
}

// A browser of a person of their own.
export async function person(token, options = {}) {
  const context = await browser.newContext({ baseURL: address, locale: 'en-GB', timezoneId: 'UTC', ...options });
  contexts.push(context);
  watch(context);
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  if (token) await signIn(page, token);
  return page;
}

export async function signIn(page, token) {
  await page.goto('/');
  await page.fill('#token', token);
  await page.click('form[action="/console/sign-in"] button');
  await page.waitForSelector('h1');
}

export const FORM = {
  reserved_for: ORGANISATION,
  code_type: 'sgtin',
  product: '19361758000003',
  quantity: '100',
  export_type: 'csv',
  reference_id: 'BATCH-2024-001',
};

export async function fill(page, members = {}) {
  for (const [name, value] of Object.entries({ ...FORM, ...members })) {
    const field = page.locator(`#${name}`);
    if (!(await field.isVisible())) await page.click('details.more summary');
    if (await field.evaluate((field) => field.tagName === 'SELECT')) await field.selectOption(value);
    else await field.fill(value);
  }
}

export async function reserve(page, members) {
  await page.goto('/');
  await fill(page, members);
  await Promise.all([page.waitForURL(/\/console\/reservations\/[0-9a-f-]{36}/), page.click('#reserve button.primary')]);
  return page.url().split('/').at(-1);
}

export const api = async (path, token = TOKEN) =>
  fetch(address + path, { headers: { authorization: `Bearer ${token}` }, signal: AbortSignal.timeout(30_000) });

export async function create(members) {
  const body = JSON.stringify({ reserved_for: ORGANISATION, ...members });
  const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };
  const answer = await fetch(`${address}/items/code_reservation`, { method: 'POST', headers, body });
  assert.equal(answer.status, 200);
  return (await answer.json()).data;
}

export async function ready(page) {
  await page.waitForSelector('.badge.is-good');
}

export async function saved(page, selector) {
  const [download] = await Promise.all([page.waitForEvent('download'), page.click(selector)]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') };
}

// The violations that axe finds in a page, in words.
export async function violations(page) {
  await page.evaluate(`${axe}\n;0`);
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`);
}
