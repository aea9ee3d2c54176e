// Checks what a page and a person do with assets in Chromium. Each check throws when something is wrong.
import assert from 'node:assert/strict';
import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { System, TOKEN, limited } from './system.mjs';

const { values, positionals } = parseArgs({
  options: { rows: { type: 'string', default: '200000' } },
  allowPositionals: true,
});
const [binary, chromium] = positionals;
// A compressed file of sgtin codes with every column is made in several parts from 63,553 rows on; these rows are
// shorter.
const rows = Number(values.rows);

const system = await System.start(binary, chromium);
const { address } = system;
const bearer = { authorization: `Bearer ${TOKEN}` };

// Fetches in the page, and shows what the page can see of the answer.
const fetched = (url, options = {}, origin = system.allowed.origin) =>
  system.inPage(
    origin,
    async ([url, options]) => {
      const seen = { status: 0 };
      try {
        const response = await fetch(url, options);
        seen.status = response.status;
        for (const name of ['content-disposition', 'content-length', 'content-range', 'etag', 'accept-ranges']) {
          seen[name] = response.headers.get(name);
        }
        seen.text = await response.text();
      } catch (error) {
        seen.error = error.name;
      }
      return seen;
    },
    [url, options],
  );

// The link of an asset, read by the page.
async function linkOf(asset, options) {
  const answer = await fetched(`${asset}?redirect=false`, options);
  assert.equal(answer.status, 200, JSON.stringify(answer));
  return JSON.parse(answer.text).data.url;
}

// Clicks on a link to a URL, and gives what is then in the folder of downloads.
async function saved(url) {
  await rm(system.downloads, { recursive: true, force: true });
  await mkdir(system.downloads);
  await system.page.goto(system.allowed.origin);
  await system.page.evaluate((url) => {
    document.body.innerHTML = '<a id="link">save</a>';
    document.getElementById('link').href = url;
  }, url);
  const ended = new Promise((resolve) => {
    const listen = ({ state }) => {
      if (state === 'inProgress') return;
      system.devtools.off('Browser.downloadProgress', listen);
      resolve(state);
    };
    system.devtools.on('Browser.downloadProgress', listen);
  });
  await system.page.click('#link');
  assert.equal(await limited('a download', ended), 'completed', url);
  const names = await readdir(system.downloads);
  return { names, text: await readFile(join(system.downloads, names[0]), 'utf8') };
}

const { id, file } = await system.reserve({ reference_id: 'Los 12 – Zürich' });
const asset = `${address}/assets/${file.id}`;
const text = await (await fetch(asset, { headers: bearer })).text();
assert.equal(text.trimEnd().split('\n').length, 4);

const checks = {
  async 'a page reads an asset through the redirect, with its token in the query or in a header'() {
    for (const [url, options] of [
      [`${asset}?access_token=${TOKEN}`, {}],
      [`${asset}?access_token=${TOKEN}`, { mode: 'cors', cache: 'no-cache' }],
      [asset, { headers: bearer }],
    ]) {
      const answer = await fetched(url, options);
      assert.equal(answer.error, undefined, url);
      assert.deepEqual([answer.status, answer.text], [200, text]);
      assert.match(answer['content-disposition'], /^inline; filename=.*; filename\*=UTF-8''Los%2012/);
      assert.equal(Number(answer['content-length']), Buffer.byteLength(text));
      assert.ok(answer.etag && answer['accept-ranges'] === 'bytes');
    }
  },
  async 'a page reads the headers, a range, and whether it has the file'() {
    const url = `${asset}?access_token=${TOKEN}`;
    const head = await fetched(url, { method: 'HEAD' });
    assert.deepEqual([head.status, head.text, Number(head['content-length'])], [200, '', Buffer.byteLength(text)]);
    const part = await fetched(url, { headers: { range: 'bytes=2-5' } });
    assert.deepEqual([part.status, part.text], [206, text.slice(2, 6)]);
    assert.equal(part['content-range'], `bytes 2-5/${Buffer.byteLength(text)}`);
    const known = await fetched(url, { headers: { 'if-none-match': head.etag } });
    assert.equal(known.status, 304);
  },
  async 'a page asks for the link and follows it without credentials'() {
    await system.browser.addCookies([{ name: 'directus_session_token', value: TOKEN, url: address }]);
    for (const options of [{ headers: bearer }, { credentials: 'include' }]) {
      const link = await linkOf(asset, options);
      assert.equal((await fetched(link)).text, text);
    }
    // The bucket allows every origin, and so no credentials: a page that sends its cookie cannot follow the redirect.
    assert.equal((await fetched(asset, { credentials: 'include' })).error, 'TypeError');
    await system.browser.clearCookies();
  },
  async 'a token sent along with the link is refused, and the page can read why'() {
    const link = await linkOf(asset, { headers: bearer });
    const answer = await fetched(link, { headers: bearer });
    assert.equal(answer.status, 400, JSON.stringify(answer));
    assert.match(answer.text, /<Code>InvalidArgument<\/Code><Message>Only one auth mechanism allowed/);
  },
  async 'a page of another origin gets no link; whoever has a link can read the file'() {
    for (const url of [`${asset}?access_token=${TOKEN}`, `${asset}?redirect=false&access_token=${TOKEN}`]) {
      assert.equal((await fetched(url, {}, system.stranger.origin)).error, 'TypeError');
    }
    const link = await linkOf(asset, { headers: bearer });
    assert.equal((await fetched(link, {}, system.stranger.origin)).text, text);
  },
  async 'a click saves a file under the name of its row'() {
    const references = [
      'Los 12 – Zürich',
      '漢'.repeat(120), // made a name of 364 bytes once
      '\u{1f469}\u{1f3fd}'.repeat(127),
      'CON',
      'com1.x',
      '../../etc/passwd',
      '.hidden. ',
      'gpj.\u202esv',
      '100% "of" a;b,c=\'d\' ~1',
      null,
    ];
    for (const [at, reference_id] of references.entries()) {
      const export_type = ['csv', 'ndjson', 'xml'][at % 3];
      const { id, file } = await system.reserve({ reference_id, export_type });
      assert.ok(file.filename_download.endsWith(`-${id.slice(-8)}.${export_type}`), file.filename_download);
      const download = await saved(`${address}/assets/${file.id}?download&access_token=${TOKEN}`);
      assert.deepEqual(download.names, [file.filename_download]);
      assert.equal(Buffer.byteLength(download.text), Number(file.filesize));
    }
  },
  async 'a name in the path is the one that is saved'() {
    for (const [path, name] of [
      ['my codes.csv', 'my codes.csv'],
      [`${'漢'.repeat(120)}.csv.gz`, `${'漢'.repeat(64)}.csv.gz`],
      ['NUL.csv', '_NUL.csv'],
    ]) {
      const url = `${asset}/${encodeURIComponent(path)}?download&access_token=${TOKEN}`;
      const download = await saved(url);
      assert.deepEqual([download.names, download.text], [[name], text]);
    }
  },
  async 'two reservations of one reference are saved as two files'() {
    const second = await system.reserve({ reference_id: 'Los 12 – Zürich' });
    assert.notEqual(second.file.filename_download, file.filename_download);
    assert.equal(file.filename_download, `Los 12 – Zürich-${id.slice(-8)}.csv`);
  },
  async 'a large .gz is read to its last row'() {
    const { file } = await system.reserve({ quantity: rows, export_type: 'csv.gz' });
    const seen = await system.inPage(
      system.allowed.origin,
      async (url) => {
        const response = await fetch(url);
        const lines = response.body.pipeThrough(new DecompressionStream('gzip')).pipeThrough(new TextDecoderStream());
        let [count, rest] = [0, ''];
        let last = '';
        for await (const part of lines) {
          const all = (rest + part).split('\n');
          rest = all.pop();
          count += all.length;
          last = all.at(-1) ?? last;
        }
        return { count, last, rest };
      },
      `${address}/assets/${file.id}?access_token=${TOKEN}`,
    );
    assert.deepEqual([seen.count, seen.last.split(',')[0], seen.rest], [rows + 1, String(rows), '']);
  },
};

let failed = 0;
for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok    ${name}`);
  } catch (error) {
    failed += 1;
    console.error(`FAIL  ${name}\n${error.stack}`);
  }
}
await system.stop();
console.log(`${Object.keys(checks).length - failed} of ${Object.keys(checks).length} checks passed`);
process.exitCode = failed ? 1 : 0;
