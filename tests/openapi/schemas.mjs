// Reads the schema definition of each caller with graphql-js and compares it with what introspection shows the same
// caller. Arguments: the address, then tokens; an empty one is a caller without a token.
import assert from 'node:assert/strict'
import { buildClientSchema, buildSchema, getIntrospectionQuery, lexicographicSortSchema, printSchema } from 'graphql'

const [url, ...tokens] = process.argv.slice(2)

async function answer(path, token, options = {}) {
  const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) }
  return fetch(url + path, { ...options, headers })
}

const sorted = (schema) => printSchema(lexicographicSortSchema(schema))

for (const token of tokens) {
  for (const [specification, endpoint] of [
    ['/server/specs/graphql', '/graphql'],
    ['/server/specs/graphql/system', '/graphql/system'],
  ]) {
    const text = await (await answer(specification, token)).text()
    const defined = buildSchema(text)
    const asked = await answer(endpoint, token, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ query: getIntrospectionQuery() }),
    })
    const { data, errors } = await asked.json()
    assert.equal(errors, undefined)
    assert.equal(sorted(defined), sorted(buildClientSchema(data)), `${token} ${specification}`)
    const roots = Object.keys(defined.getQueryType().getFields())
    const types = Object.keys(defined.getTypeMap()).length
    console.log(`  ${token || 'nobody'} ${endpoint}: ${types} types, ${roots.join(', ')}`)
  }
}
