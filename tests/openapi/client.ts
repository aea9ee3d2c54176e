// A client that is written with the generated types: it reserves codes, waits for the file and reads it.
import assert from 'node:assert/strict'
import createClient from 'openapi-fetch'
import type { components, paths } from './api.js'

type Reservation = components['schemas']['CodeReservation']
type Filter = components['schemas']['CodeReservationFilter']
type Create = components['schemas']['CodeReservationCreate']

const [url, token] = process.argv.slice(2)
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } })

const body: Create = {
  reserved_for: '/417/9506000111117',
  code_type: 'sgtin',
  quantity: 3,
  export_type: 'csv',
  product: '/01/09506000123455',
  reference_id: 'from a generated client',
}
const created = await client.POST('/items/code_reservation', { body })
assert.equal(created.response.status, 200)
const id = (created.data as { data: Reservation }).data.id!

let reservation: Reservation = {}
for (let tries = 0; tries < 200 && reservation.status !== 'complete'; tries++) {
  const { data, error } = await client.GET('/items/code_reservation/{id}', { params: { path: { id } } })
  assert.equal(error, undefined)
  reservation = (data as { data: Reservation }).data
  await new Promise((done) => setTimeout(done, 50))
}
assert.equal(reservation.status, 'complete')
const quantity: number | null | undefined = reservation.quantity_reserved
assert.equal(quantity, 3)

const filter: Filter = { reference_id: { _eq: 'from a generated client' } }
const listed = await client.GET('/items/code_reservation', {
  params: { query: { filter: JSON.stringify(filter), fields: ['id', 'status'], limit: 5 } },
})
assert.deepEqual((listed.data as { data: Reservation[] }).data, [{ id, status: 'complete' }])

const refused = await client.GET('/items/code_reservation/{id}', {
  params: { path: { id: '00000000-0000-4000-8000-00000000dead' } },
})
assert.equal(refused.response.status, 403)
console.log('  a generated client reserved codes, read the reservation and a list, and was refused')
