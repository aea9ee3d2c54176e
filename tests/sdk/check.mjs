// Checks what clients built on @directus/sdk do, against the given address. Each check throws when an answer or a type
// is wrong.
import assert from 'node:assert/strict';
import * as sdk from '@directus/sdk';

const address = process.argv[2];
const client = (token) => sdk.createDirectus(address).with(sdk.staticToken(token)).with(sdk.rest());
const admin = client('admin-token');
const writer = client('writer-token');
const reader = client('reader-token');
const withGraphql = sdk.createDirectus(address).with(sdk.staticToken('admin-token')).with(sdk.graphql());
const collection = 'code_reservation';
const KNOWN = '03343178-982f-4b83-8dcb-916595070e51';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const isText = (value) => typeof value === 'string';
const orNull = (check) => (value) => value === null || check(value);
const isUuid = (value) => isText(value) && UUID.test(value);
const isDate = (value) => isText(value) && DATE.test(value);
// The types of the object's members, in their order.
const TYPES = {
  id: isUuid,
  user_created: orNull(isUuid),
  date_created: orNull(isDate),
  user_updated: orNull(isUuid),
  date_updated: orNull(isDate),
  reserved_for: orNull(isText),
  code_type: orNull(isText),
  quantity: orNull(Number.isInteger),
  status: (value) => ['new', 'in_progress', 'complete', 'error'].includes(value),
  export_type: orNull(isText),
  export_file: orNull(isUuid),
  url_suffix: orNull(isText),
  product: orNull(isText),
  quantity_reserved: orNull(Number.isInteger),
  error_message: orNull(isText),
  reference_id: orNull(isText),
  purchase_order: orNull(isText),
  codes: (value) => Array.isArray(value) && value.every(isUuid),
};

function isReservation(item) {
  assert.deepEqual(Object.keys(item), Object.keys(TYPES));
  for (const [member, check] of Object.entries(TYPES)) {
    assert.ok(check(item[member]), `${member} is ${JSON.stringify(item[member])}`);
  }
}

const made = (more = {}) => ({
  reserved_for: '/417/9312345000012',
  code_type: 'sgtin',
  quantity: 3,
  export_type: 'csv',
  product: '/01/19361758000003',
  reference_id: 'SDK-1',
  ...more,
});

async function refused(promise, status, code) {
  const error = await promise.then(() => assert.fail('it was not refused'), (error) => error);
  assert.equal(error.response?.status, status, error.message);
  assert.equal(error.errors?.[0]?.extensions?.code, code);
}

let id;
let many;
const checks = {
  async readItems() {
    const all = await admin.request(sdk.readItems(collection));
    assert.equal(all.length, 32);
    all.forEach(isReservation);
    assert.deepEqual(all.map((item) => item.id), all.map((item) => item.id).toSorted());
  },
  async 'readItems: filter and sort'() {
    const filter = { _and: [{ status: { _in: ['complete', 'new'] } }, { quantity: { _between: [5, 100] } }] };
    const items = await admin.request(
      sdk.readItems(collection, { filter, sort: ['-quantity', 'id'], fields: ['id', 'status', 'quantity'], limit: 7 }),
    );
    assert.equal(items.length, 7);
    for (const item of items) {
      assert.deepEqual(Object.keys(item), ['id', 'status', 'quantity']);
      assert.ok(['complete', 'new'].includes(item.status) && item.quantity >= 5 && item.quantity <= 100);
    }
    assert.deepEqual(items.map((item) => item.quantity), items.map((item) => item.quantity).toSorted((a, b) => b - a));
    const page = { sort: ['id'], fields: ['id'], limit: 5 };
    const second = await admin.request(sdk.readItems(collection, { ...page, page: 2 }));
    assert.deepEqual(second, await admin.request(sdk.readItems(collection, { ...page, offset: 5 })));
  },
  async 'readItems: nested fields'() {
    const items = await admin.request(
      sdk.readItems(collection, {
        fields: ['id', { user_created: ['first_name', 'email'], reserved_for: ['organisation_name'], export_file: ['*'] }],
        filter: { export_file: { _nnull: true }, user_created: { email: { _eq: 'alice@example.com' } } },
      }),
    );
    assert.equal(items.length, 2);
    for (const item of items) {
      assert.deepEqual(item.user_created, { first_name: 'Alice', email: 'alice@example.com' });
      assert.ok(isText(item.reserved_for.organisation_name) && isText(item.export_file.filename_download));
      assert.equal(item.export_file.storage, 's3');
    }
  },
  async 'readItems: search'() {
    const items = await admin.request(sdk.readItems(collection, { search: 'RG-Cot', fields: ['reference_id'], sort: ['reference_id'] }));
    assert.deepEqual(items, [{ reference_id: 'RG-Cot-Cases' }, { reference_id: 'RG-Cot-Items' }]);
  },
  async 'readItems: functions and aliases'() {
    const items = await admin.request(
      sdk.readItems(collection, { fields: ['year(date_created)', 'count(codes)'], filter: { 'year(date_created)': { _eq: 2023 } }, limit: 1 }),
    );
    assert.deepEqual(items, [{ date_created_year: '2023', codes_count: 0 }]);
    const aliased = await admin.request(sdk.readItems(collection, { alias: { ref: 'reference_id' }, fields: ['id', 'ref'], limit: 1 }));
    assert.deepEqual(Object.keys(aliased[0]), ['id', 'ref']);
  },
  async 'readItems: sorted by aliases'() {
    const quantities = async (read, token = admin) => (await token.request(read)).map((item) => item.amount ?? item.quantity);
    const query = { fields: ['id', 'amount'], filter: { quantity: { _nnull: true } }, alias: { amount: 'quantity' } };
    const plain = { fields: ['quantity'], filter: query.filter };
    for (const [alias, member] of [['amount', 'quantity'], ['-amount', '-quantity']]) {
      const expected = await quantities(sdk.readItems(collection, { ...plain, sort: [member, 'id'] }));
      assert.ok(new Set(expected).size > 5);
      const read = sdk.readItems(collection, { ...query, sort: [alias, 'id'] });
      assert.deepEqual(await quantities(read), expected, alias);
      assert.deepEqual(await quantities(sdk.withSearch(read), writer), expected, alias);
      const document = `query ($sort: [String]) { code_reservation(sort: $sort, filter: { quantity: { _nnull: true } }) { amount: quantity } }`;
      const { code_reservation: items } = await withGraphql.query(document, { sort: [alias, 'id'] });
      assert.deepEqual(items.map((item) => item.amount), expected, alias);
    }
    const years = await admin.request(
      sdk.readItems(collection, { fields: ['year(date_created)'], alias: { when: 'year(date_created)' }, sort: ['-when', 'id'] }),
    );
    assert.deepEqual(years, years.toSorted((a, b) => b.date_created_year - a.date_created_year));
    const groups = await admin.request(
      sdk.readItems(collection, { aggregate: { count: '*' }, groupBy: ['status'], alias: { state: 'status' }, sort: ['-state'] }),
    );
    assert.deepEqual(groups.map((group) => group.status), ['new', 'in_progress', 'error', 'complete']);
    await refused(admin.request(sdk.readItems(collection, { ...query, sort: ['amounts'] })), 403, 'FORBIDDEN');
    await refused(admin.request(sdk.readItems(collection, { ...query, filter: { amount: { _gt: 1 } } })), 403, 'FORBIDDEN');
  },
  async aggregate() {
    const [{ count, sum }] = await admin.request(sdk.aggregate(collection, { aggregate: { count: '*', sum: ['quantity'] } }));
    assert.equal(count, '32');
    assert.ok(isText(sum.quantity) && Number.isInteger(Number(sum.quantity)));
    const groups = await admin.request(sdk.aggregate(collection, { aggregate: { count: 'id' }, groupBy: ['status'] }));
    assert.deepEqual(groups.map((group) => group.status).toSorted(), ['complete', 'error', 'in_progress', 'new']);
    assert.equal(groups.map((group) => Number(group.count.id)).reduce((a, b) => a + b), 32);
  },
  async withSearch() {
    const query = { filter: { code_type: { _eq: 'sscc' } }, fields: ['id', 'code_type'], sort: ['-id'], limit: 3 };
    const bySearch = await admin.request(sdk.withSearch(sdk.readItems(collection, query)));
    assert.equal(bySearch.length, 3);
    assert.deepEqual(bySearch, await admin.request(sdk.readItems(collection, query)));
  },
  async readItem() {
    const item = await admin.request(sdk.readItem(collection, KNOWN));
    isReservation(item);
    assert.equal(item.reference_id, 'RG-Cot-Cases');
    const some = await admin.request(sdk.readItem(collection, KNOWN, { fields: ['quantity', { user_created: ['first_name'] }] }));
    assert.deepEqual(some, { quantity: 50, user_created: { first_name: 'Alice' } });
    await refused(admin.request(sdk.readItem(collection, 'deadbeef-0000-4000-8000-00000000dead')), 403, 'FORBIDDEN');
  },
  async createItem() {
    const item = await writer.request(sdk.createItem(collection, made()));
    isReservation(item);
    assert.equal(item.status, 'new');
    assert.equal(item.user_created, 'da4e0000-0000-4000-8000-000000000004');
    id = item.id;
    await refused(writer.request(sdk.createItem(collection, made({ quantity: 0 }))), 400, 'FAILED_VALIDATION');
    await refused(writer.request(sdk.createItem(collection, made({ id }))), 400, 'RECORD_NOT_UNIQUE');
    await refused(reader.request(sdk.createItem(collection, made())), 403, 'FORBIDDEN');
  },
  async createItems() {
    const input = [1, 2, 3].map((n) => made({ code_type: 'short_code', product: null, reference_id: `SDK-MANY-${n}` }));
    const items = await writer.request(sdk.createItems(collection, input, { fields: ['id', 'reference_id'] }));
    assert.deepEqual(items.map((item) => item.reference_id), ['SDK-MANY-1', 'SDK-MANY-2', 'SDK-MANY-3']);
    many = items.map((item) => item.id);
    assert.ok(many.every(isUuid));
  },
  async 'a reservation is processed, its codes and its file can be read'() {
    let item;
    for (let tries = 0; tries < 300; tries += 1) {
      item = await writer.request(sdk.readItem(collection, id));
      if (item.status === 'complete') break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    isReservation(item);
    assert.equal(item.status, 'complete', JSON.stringify(item));
    assert.equal(item.quantity_reserved, 3);
    assert.equal(item.codes.length, 3);
    const deep = await writer.request(
      sdk.readItem(collection, id, { fields: ['id', { codes: ['id', 'code', 'digital_link'] }], deep: { codes: { _limit: 2, _sort: ['position'] } } }),
    );
    assert.deepEqual(deep.codes.map((code) => code.id), item.codes.slice(0, 2));
    const codes = await writer.request(sdk.readItems('unique_code', { filter: { reservation: { _eq: id } }, sort: ['position'] }));
    assert.deepEqual(codes.map((code) => code.id), item.codes);
    const [found] = await writer.request(
      sdk.readItems(collection, { fields: ['id'], filter: { codes: { _some: { digital_link: { _eq: codes[1].digital_link } } } } }),
    );
    assert.deepEqual(found, { id });
    assert.equal((await writer.request(sdk.readItem('unique_code', codes[2].id))).code, codes[2].code);

    const file = await writer.request(sdk.readFile(item.export_file));
    assert.equal(file.filename_download, `SDK-1-${id.slice(-8)}.csv`);
    assert.ok(isText(file.filesize) && Number(file.filesize) > 0 && isDate(file.created_on));
    const text = Buffer.from(await writer.request(sdk.readAssetArrayBuffer(item.export_file))).toString();
    assert.equal(text.length, Number(file.filesize));
    assert.deepEqual(text.trimEnd().split('\n').slice(1).map((line) => line.split(',')[1]), codes.map((code) => code.code));
    const stream = await writer.request(sdk.readAssetRaw(item.export_file));
    assert.equal(await new Response(stream).text(), text);
    const blob = await writer.request(sdk.readAssetBlob(item.export_file, { download: true }));
    assert.equal(await blob.text(), text);
  },
  async updateItem() {
    const item = await writer.request(sdk.updateItem(collection, id, { reference_id: 'SDK-2' }));
    isReservation(item);
    assert.equal(item.reference_id, 'SDK-2');
    assert.equal(item.user_updated, 'da4e0000-0000-4000-8000-000000000004');
    await refused(writer.request(sdk.updateItem(collection, id, { quantity: 4 })), 400, 'FAILED_VALIDATION');
    await refused(writer.request(sdk.updateItem(collection, id, { nope: 4 })), 403, 'FORBIDDEN');
  },
  async updateItems() {
    const items = await writer.request(sdk.updateItems(collection, many.slice(0, 2), { reference_id: 'SDK-BOTH' }, { fields: ['id', 'reference_id'] }));
    assert.deepEqual(items, many.slice(0, 2).map((id) => ({ id, reference_id: 'SDK-BOTH' })));
    const query = { filter: { reference_id: { _eq: 'SDK-BOTH' } } };
    const byQuery = await writer.request(sdk.updateItems(collection, query, { purchase_order: 'PO-9' }, { fields: ['purchase_order'] }));
    assert.deepEqual(byQuery, [{ purchase_order: 'PO-9' }, { purchase_order: 'PO-9' }]);
  },
  async updateItemsBatch() {
    const input = many.map((id, at) => ({ id, reference_id: `SDK-BATCH-${at}` }));
    const items = await writer.request(sdk.updateItemsBatch(collection, input, { fields: ['id', 'reference_id'] }));
    assert.deepEqual(items, input);
  },
  async 'updateItems and deleteItems: a condition that was left out by mistake'() {
    const rows = () => admin.request(sdk.readItems(collection, { fields: ['*'], limit: -1, sort: ['id'] }));
    const before = await rows();
    const nothing = undefined;
    const filters = [
      nothing,
      null,
      {},
      { id: nothing },
      { id: { _eq: nothing } },
      { id: { _in: [nothing] } },
      { id: { _nin: [] } },
      { id: { _neq: 'foo' } },
      { _and: [] },
      { _and: [{ id: { _eq: nothing } }] },
      { _or: [{ id: { _eq: many[0] } }, { reference_id: { _eq: nothing } }] },
      { id: { _eq: many[0] }, reference_id: { _eq: nothing } },
      { quantity: { _gt: Number.NaN } },
      { date_created: { _lt: String(new Date(Number.NaN)) } },
      { status: { _neq: 'compelte' } },
    ];
    for (const filter of filters) {
      for (const query of [{ filter }, { filter, limit: 5 }, { filter, fields: ['id'] }]) {
        await refused(writer.request(sdk.deleteItems(collection, query)), 400, 'INVALID_QUERY');
        await refused(writer.request(sdk.updateItems(collection, query, { reference_id: 'SDK-X' })), 400, 'INVALID_QUERY');
      }
    }
    await assert.rejects(async () => writer.request(sdk.deleteItems(collection, {})), /cannot be empty/);
    assert.deepEqual(await rows(), before);
    // A condition that no row meets is one.
    await writer.request(sdk.deleteItems(collection, { filter: { reference_id: { _eq: 'SDK-NONE' } }, limit: -1 }));
    assert.deepEqual(await rows(), before);
  },
  async 'createItems: every bad row is named'() {
    const rows = [made(), made({ quantity: 0 }), made(), made({ code_type: 'ean' })];
    const error = await writer.request(sdk.createItems(collection, rows)).then(() => assert.fail('it was not refused'), (error) => error);
    assert.deepEqual(
      error.errors.map(({ extensions: { code, field, index, path } }) => ({ code, field, index, path })),
      [
        { code: 'FAILED_VALIDATION', field: 'quantity', index: 1, path: [] },
        { code: 'FAILED_VALIDATION', field: 'code_type', index: 3, path: [] },
      ],
    );
  },
  async deleteItem() {
    assert.ok((await writer.request(sdk.deleteItem(collection, id))) === null);
    await refused(writer.request(sdk.readItem(collection, id)), 403, 'FORBIDDEN');
  },
  async deleteItems() {
    await writer.request(sdk.deleteItems(collection, many.slice(0, 2)));
    await writer.request(sdk.deleteItems(collection, { filter: { reference_id: { _eq: 'SDK-BATCH-2' } } }));
    const left = await admin.request(sdk.aggregate(collection, { aggregate: { count: '*' } }));
    assert.deepEqual(left, [{ count: '32' }]);
  },
  async 'users: readMe, readUsers, readUser'() {
    const me = await writer.request(sdk.readMe({ fields: ['id', 'first_name', 'email'] }));
    assert.deepEqual(me, { id: 'da4e0000-0000-4000-8000-000000000004', first_name: 'Dave', email: 'dave@example.com' });
    const bob = { id: 'b0b00000-0000-4000-8000-000000000002' };
    assert.deepEqual(await reader.request(sdk.readMe()), bob);
    assert.deepEqual(await reader.request(sdk.readMe({ fields: ['id', 'email', { role: ['name'] }] })), bob);
    const role = await admin.request(sdk.readMe({ fields: ['email', { role: ['name'] }] }));
    assert.deepEqual(role, { email: 'alice@example.com', role: { name: 'Administrator' } });
    const users = await writer.request(sdk.readUsers({ fields: ['first_name'], sort: ['first_name'] }));
    assert.deepEqual(users.map((user) => user.first_name), ['Alice', 'Bob', 'Carol', 'Dave']);
    const alice = await admin.request(sdk.readUser('a11ce000-0000-4000-8000-000000000001'));
    assert.equal(alice.email, 'alice@example.com');
    await refused(client('no-such-token').request(sdk.readMe()), 401, 'INVALID_CREDENTIALS');
  },
  async 'files: readFiles, readFile, assets'() {
    const files = await admin.request(sdk.readFiles({ fields: ['id', 'filename_download', 'type'], sort: ['id'] }));
    assert.equal(files[0].filename_download, 'codes-RG-Cot-Items.csv');
    const file = await admin.request(sdk.readFile(files[0].id));
    assert.deepEqual([file.storage, file.type, isText(file.filesize)], ['s3', 'text/csv', true]);
    const text = await (await admin.request(sdk.readAssetBlob(files[0].id))).text();
    assert.ok(text.startsWith('code,digital_link\n'));
    await refused(admin.request(sdk.readFile('deadbeef-0000-4000-8000-00000000dead')), 403, 'FORBIDDEN');
  },
  async 'assets: a token that survives the redirect is refused, and redirect=false gives the link'() {
    const [{ id: file }] = await admin.request(sdk.readFiles({ fields: ['id'], sort: ['id'], limit: 1 }));
    const asset = `${address}/assets/${file}`;
    const headers = { authorization: 'Bearer admin-token' };
    // fetch leaves the token behind when it follows the redirect, for GET and for HEAD.
    const text = await (await fetch(asset, { headers })).text();
    assert.ok(text.startsWith('code,digital_link\n'));
    const head = await fetch(asset, { method: 'HEAD', headers });
    assert.deepEqual([head.status, Number(head.headers.get('content-length'))], [200, Buffer.byteLength(text)]);
    // Other clients take it along. S3 refuses two ways of authentication.
    for (const method of ['GET', 'HEAD']) {
      const redirect = await fetch(asset, { method, headers, redirect: 'manual' });
      assert.equal(redirect.status, 302);
      const refusal = await fetch(redirect.headers.get('location'), { method, headers });
      assert.equal(refusal.status, 400);
      assert.ok(method === 'HEAD' || (await refusal.text()).includes('<Code>InvalidArgument</Code>'));
    }
    for (const accept of ['*/*', 'text/csv', 'application/json, text/plain, */*']) {
      const answer = await fetch(`${asset}?redirect=false`, { headers: { ...headers, accept } });
      const [cache, tag] = ['cache-control', 'etag'].map((name) => answer.headers.get(name));
      assert.deepEqual([answer.status, cache, tag], [200, 'no-store', null]);
      const body = await answer.json();
      assert.deepEqual(Object.keys(body), ['data']);
      assert.deepEqual(Object.keys(body.data), ['url', 'expires_at']);
      assert.ok(isDate(body.data.expires_at) && Date.parse(body.data.expires_at) > Date.now());
      assert.equal(await (await fetch(body.data.url)).text(), text);
    }
    const link = (redirect) =>
      sdk.customEndpoint({ path: `/assets/${file}`, method: 'GET', params: { redirect, download: true } });
    const { url } = await admin.request(link(false));
    const download = await fetch(url);
    assert.equal(download.headers.get('content-disposition'), 'attachment; filename="codes-RG-Cot-Items.csv"');
    assert.equal(await download.text(), text);
    await refused(admin.request(link('no')), 400, 'INVALID_QUERY');
    await refused(client('no-such-token').request(link(false)), 401, 'INVALID_CREDENTIALS');
  },
  async 'the server: ping and health'() {
    assert.equal(await admin.request(sdk.serverPing()), 'pong');
    assert.deepEqual(await admin.request(sdk.serverHealth()), { status: 'ok' });
  },
};

for (const [name, check] of Object.entries(checks)) {
  try {
    await check();
    console.log(`ok    ${name}`);
  } catch (error) {
    console.error(`FAIL  ${name}`);
    throw error;
  }
}
console.log(`${Object.keys(checks).length} checks passed`);
