// Starts what the checks need: a page on an origin of its own, `local` that allows this origin, and Chromium.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

export const TOKEN = 'local-token';
const RESERVATIONS = '/items/code_reservation';

// The time after which a step has failed.
const PATIENCE = 60_000;

export function limited(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${PATIENCE} ms`)), PATIENCE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// A server of an empty page; its origin differs from all others by its port.
export async function page() {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end('<!doctype html><title>page</title><body>');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

// Starts `local` with further options. Gives its address, and the link that it prints for the pages.
export async function local(binary, further) {
  const options = ['--memory', '--port', '0', ...further];
  const process = spawn(binary, options, { stdio: ['ignore', 'pipe', 'inherit'] });
  const printed = [];
  const started = new Promise((resolve, reject) => {
    process.once('error', reject);
    process.once('exit', (code) => reject(new Error(`local ended with ${code}`)));
    createInterface({ input: process.stdout }).on('line', (line) => {
      printed.push(line);
      if (line.startsWith('Ctrl-C')) resolve();
    });
  });
  await limited('the start of local', started);
  const text = printed.join('\n');
  const address = text.match(/http:\/\/[0-9.:]+/)[0];
  return { address, signIn: text.match(/http:\S+\?key=\S+/)?.[0], close: () => process.kill('SIGTERM') };
}

export class System {
  static async start(binary, executablePath) {
    const system = new System();
    system.folder = await mkdtemp(join(tmpdir(), 'browser-'));
    system.downloads = join(system.folder, 'downloads');
    system.allowed = await page();
    system.stranger = await page();
    system.local = await local(binary, ['--parameter', `CorsOrigins=${system.allowed.origin}`]);
    system.address = system.local.address;
    // Chromium saves a file under its own name only in a profile, and only if Playwright does not rename it.
    system.browser = await chromium.launchPersistentContext(join(system.folder, 'profile'), {
      executablePath,
      args: ['--no-sandbox'],
      timeout: PATIENCE,
    });
    system.page = await system.browser.newPage();
    system.devtools = await system.browser.newCDPSession(system.page);
    await system.devtools.send('Browser.setDownloadBehavior', {
      behavior: 'allow',
      downloadPath: system.downloads,
      eventsEnabled: true,
    });
    return system;
  }

  async stop() {
    await this.browser?.close();
    this.local?.close();
    this.allowed?.close();
    this.stranger?.close();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  // Sends a request as an administrator, not from the browser.
  async request(method, path, body) {
    const response = await fetch(this.address + path, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
      signal: AbortSignal.timeout(PATIENCE),
    });
    const answer = await response.json();
    if (response.status !== 200) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
    return answer.data;
  }

  // Reserves codes and waits for the file. Gives the row of the file and the reservation's id.
  async reserve(members) {
    const { id } = await this.request('POST', RESERVATIONS, {
      reserved_for: '/417/9312345000012',
      code_type: 'sgtin',
      product: '/01/19361758000003',
      quantity: 3,
      export_type: 'csv',
      ...members,
    });
    for (let tries = 0; tries < 600; tries += 1) {
      const item = await this.request('GET', `${RESERVATIONS}/${id}?fields=status,error_message,export_file.*`);
      if (item.status === 'complete') return { id, file: item.export_file };
      if (item.status === 'error') throw new Error(item.error_message);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`reservation ${id} does not end`);
  }

  // Runs a function in the page, after the page of an origin was opened.
  async inPage(origin, run, argument) {
    await this.page.goto(origin);
    return limited('a script of the page', this.page.evaluate(run, argument));
  }
}
