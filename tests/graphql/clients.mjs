// Third-party GraphQL clients against a running service: `node clients.mjs http://127.0.0.1:PORT`.
// graphql-js builds the schema from the introspection and validates documents with it; graphql-request and
// @directus/sdk send them. Every check is counted, so a run without checks fails.
import assert from 'node:assert/strict';
import {
  buildClientSchema, getIntrospectionQuery, isObjectType, parse, printSchema, validate, validateSchema,
} from 'graphql';
import { GraphQLClient, gql } from 'graphql-request';
import { createDirectus, graphql, staticToken } from '@directus/sdk';

const base = process.argv[2];
const NORTH = 'c0000000-0000-4000-8000-000000000001';
let checks = 0;
const check = (actual, expected, what) => { assert.deepEqual(actual, expected, what); checks += 1; };
const holds = (condition, what) => { assert.ok(condition, what); checks += 1; };

const LIST = `query {
code_reservation {
id
reserved_for
code_type
quantity
status
export_type
product
quantity_reserved
reference_id
date_created
date_updated
}
}`;
const BY_ID = `query {
code_reservation_by_id(id: "code_reservation_id") {
id
reserved_for
code_type
quantity
status
export_type
export_file {
id
filename_download
}
url_suffix
product
quantity_reserved
error_message
reference_id
user_created {
id
first_name
last_name
}
date_created
user_updated {
id
first_name
last_name
}
date_updated
}
}`;
const CREATE = `mutation {
create_code_reservation_item(data: {
reserved_for: "/417/9312345000012"
code_type: "sgtin"
quantity: 100
export_type: "csv"
product: "/01/19361758000003"
reference_id: "BATCH-2024-001"
}) {
id
reserved_for
code_type
quantity
status
product
reference_id
}
}`;
const UPDATE = `mutation {
update_code_reservation_item(id: "code_reservation_id", data: {
status: "complete"
quantity_reserved: 100
reference_id: "BATCH-2024-001-UPDATED"
}) {
id
status
quantity_reserved
reference_id
}
}`;
const DELETE = `mutation {
delete_code_reservation_item(id: "code_reservation_id") {
id
}
}`;
const withId = (document, id) => document.replace('code_reservation_id', id);

async function post(path, query, variables, token = 'graphql-writer') {
  const answer = await fetch(base + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  });
  return { status: answer.status, ...(await answer.json()) };
}

// graphql-js: the schema, and its validation of documents compared with the service's.
async function judged() {
  for (const path of ['/graphql', '/graphql/system']) {
    const options = { descriptions: true, specifiedByUrl: true, directiveIsRepeatable: true, inputValueDeprecation: true };
    const answer = await post(path, getIntrospectionQuery(options));
    check(answer.errors, undefined, `${path}: introspection`);
    const schema = buildClientSchema(answer.data);
    check(validateSchema(schema), [], `${path}: the schema is valid`);
    holds(printSchema(schema).includes('type directus_files'), path);
    if (path === '/graphql') await documents(schema);
  }
}

async function documents(schema) {
  for (const document of [LIST, BY_ID, CREATE, UPDATE, DELETE]) {
    check(validate(schema, parse(document)), [], document);
  }
  const good = [
    'query Q($id: ID!, $f: code_reservation_filter, $n: Int = 2) { a: code_reservation_by_id(id: $id) { ...F } b: code_reservation(filter: $f, limit: $n) { ...F } } fragment F on code_reservation { id codes(limit: 1) { code } }',
    '{ code_reservation(sort: "-id", filter: { _or: { status: { _in: "new" } } }) { id date_created_func { year } } }',
    '{ code_reservation_aggregated(groupBy: ["status"]) { group count { id } sum { quantity } } }',
    'query Q($x: Boolean!) { code_reservation @skip(if: $x) { id } code_reservation @skip(if: $x) { status } }',
    'query Q($ids: [ID!]! = ["c0000000-0000-4000-8000-000000000001"], $s: [String!]) { code_reservation(filter: { id: { _in: $ids } }, sort: $s) { id } }',
    'query Q($ids: [ID], $s: [String]) { code_reservation(filter: { id: { _in: $ids } }, sort: $s) { id } }',
  ];
  const bad = [
    '{ code_reservation { nope } }', '{ code_reservation }', '{ code_reservation { status { x } } }',
    '{ code_reservation(limit: "x") { id } }', '{ code_reservation(limit: 1.0) { id } }', '{ code_reservation(nope: 1) { id } }',
    '{ code_reservation(filter: { status: { _eq: 1 } }) { id } }', '{ code_reservation(filter: { status: "x" }) { id } }',
    '{ code_reservation(filter: { date_created_func: { nope: { _eq: 1 } } }) { id } }',
    '{ code_reservation_by_id { id } }', '{ code_reservation { x: id x: status } }',
    '{ code_reservation { user_created { x: id } user_created { x: email } } }',
    'query Q($n: String) { code_reservation(limit: $n) { id } }', 'query Q($n: Int) { code_reservation { id } }',
    '{ code_reservation(limit: $n) { id } }', '{ ...F } fragment F on code_reservation { id }',
    '{ code_reservation { ...F } } fragment F on code_reservation { id ...F }', '{ code_reservation @include { id } }',
    'mutation { create_code_reservation_item { id } }', 'mutation { create_code_reservation_item(data: { nope: 1 }) { id } }',
    'mutation { delete_code_reservation_items(ids: null) { ids } }',
    'query A { __typename } query A { __typename }', '{ __typename } query B { __typename }',
  ];
  const variables = { id: NORTH, x: false };
  for (const document of good) {
    check(validate(schema, parse(document)), [], document);
    const answer = await post('/graphql', document, variables);
    check([answer.status, answer.errors], [200, undefined], document);
  }
  for (const document of bad) {
    holds(validate(schema, parse(document)).length > 0, `graphql-js refuses ${document}`);
    const answer = await post('/graphql', document, variables);
    check([answer.status, answer.errors?.[0].extensions.code], [400, 'GRAPHQL_VALIDATION'], `refused: ${document}`);
  }
  // Every member of every type can be selected.
  const members = (type) => Object.values(type.getFields())
    .filter((field) => !isObjectType(field.type) && !field.type.ofType?.getFields).map((field) => field.name).join(' ');
  const types = ['code_reservation', 'directus_users', 'directus_files'].map((name) => members(schema.getType(name)));
  const [row, user, file] = types;
  const everything = `{ code_reservation { ${row} user_created { ${user} } export_file { ${file} uploaded_by { ${user} } } } }`;
  check(validate(schema, parse(everything)), []);
  const answer = await post('/graphql', everything);
  check(answer.errors, undefined, 'every member');
  check(answer.data.code_reservation.length, 3);
}

// graphql-request: the five documents of the specification, sent as an application would.
async function requested() {
  const client = new GraphQLClient(`${base}/graphql`, { headers: { authorization: 'Bearer graphql-writer' } });
  const listed = await client.request(LIST);
  check(listed.code_reservation[0].id, NORTH);
  const one = await client.request(withId(BY_ID, NORTH));
  check(one.code_reservation_by_id.user_created.first_name, 'Ada');
  const { create_code_reservation_item: created } = await client.request(CREATE);
  check([created.status, created.quantity, created.reference_id], ['new', 100, 'BATCH-2024-001']);
  await settled(client, created.id);
  const { update_code_reservation_item: updated } = await client.request(withId(UPDATE, created.id));
  check(updated, { id: created.id, status: 'complete', quantity_reserved: 100, reference_id: 'BATCH-2024-001-UPDATED' });
  check(await client.request(withId(DELETE, created.id)), { delete_code_reservation_item: { id: created.id } });
  const batch = await client.batchRequests([{ document: LIST }]).catch((error) => error.response.errors[0].extensions.code);
  check(batch, 'INVALID_PAYLOAD', 'a batch of documents is no document');
  const failed = await client.request(withId(DELETE, created.id)).catch((error) => error.response);
  check([failed.status, failed.errors[0].extensions.code, failed.errors[0].path], [200, 'FORBIDDEN', ['delete_code_reservation_item']]);
  const variables = { data: { reserved_for: '/417/9312345000012', code_type: 'sscc', quantity: 2, reference_id: 'Grüße 😀' } };
  const made = await client.request(gql`mutation M($data: create_code_reservation_input!) {
    create_code_reservation_item(data: $data) { id reference_id user_created { email } } }`, variables);
  check([made.create_code_reservation_item.reference_id, made.create_code_reservation_item.user_created.email], ['Grüße 😀', 'wim@example.com']);
  const get = new GraphQLClient(`${base}/graphql`, { method: 'GET', headers: { authorization: 'Bearer graphql-writer' } });
  const read = await get.request(gql`query Q($id: ID!) { code_reservation_by_id(id: $id) { id } }`, { id: NORTH });
  check(read, { code_reservation_by_id: { id: NORTH } }, 'a query by GET');
}

async function settled(client, id) {
  for (let tries = 0; tries < 300; tries += 1) {
    const { row } = await client.request(`{ row: code_reservation_by_id(id: "${id}") { status } }`);
    if (row.status !== 'new' && row.status !== 'in_progress') return check(row.status, 'complete');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${id} is still not settled`);
}

// @directus/sdk: its GraphQL composable with both endpoints.
async function composed() {
  const client = createDirectus(base).with(staticToken('graphql-admin')).with(graphql());
  const items = await client.query('query Q($n: Int) { code_reservation(limit: $n, sort: ["date_created"]) { id codes_func { count } } }', { n: 1 });
  check(items, { code_reservation: [{ id: NORTH, codes_func: { count: 0 } }] });
  const me = await client.query('{ users_me { first_name } files { filename_download } }', undefined, 'system');
  check([me.users_me.first_name, me.files.length >= 2], ['Ada', true]);
  const error = await client.query('{ code_reservation_by_id(id: "nope") { id } }').catch((caught) => caught);
  holds(error instanceof Error || error.errors?.[0].extensions.code === 'FORBIDDEN', 'an error is thrown');
}

await judged();
await requested();
await composed();
assert.ok(checks >= 85, `only ${checks} checks`);
console.log(`${checks} checks of graphql-js, graphql-request and @directus/sdk passed`);
