// Mistakes that the generated types find. Each line that ends with the mark must not compile, every other must.
import type { components } from './api.js'

type Create = components['schemas']['CodeReservationCreate']
type Reservation = components['schemas']['CodeReservation']
type Filter = components['schemas']['CodeReservationFilter']

export const a: Create = { reserved_for: 'A', code_type: 'sscc', quantity: 1 }
export const b: Create = { reserved_for: 'A', code_type: 'barcode', quantity: 1 } // wrong
export const c: Create = { reserved_for: 'A', code_type: 'sscc', quantity: '1' } // wrong
export const d: Create = { code_type: 'sscc', quantity: 1 } // wrong
export const e: Reservation = { status: 'gone' } // wrong
export const f: Filter = { status: { _eq: 'new' }, quantity: { _between: [1, 2] } }
export const g: Filter = { status: { _matches: 'new' } } // wrong
export const h: Filter = { colour: { _eq: 'red' } } // wrong
