// Reads values in Confluent's wire format: a zero byte, the schema's id in four bytes, Avro.
import avro from 'avsc'

/** The value itself is wrong: reading it again will not help. The text has none of it. */
export class Unreadable extends Error {}

/** Times become ISO 8601 in UTC. */
class TimestampMillis extends avro.types.LogicalType {
  _fromValue (ms) { return new Date(Number(ms)).toISOString() }
  _resolve () {}
}

/** A long may be larger than a number can say: it is read as a BigInt. */
const long = avro.types.LongType.__with({
  fromBuffer: buffer => buffer.readBigInt64LE(),
  toBuffer: value => { const buffer = Buffer.alloc(8); buffer.writeBigInt64LE(value); return buffer },
  fromJSON: BigInt,
  toJSON: String,
  isValid: value => typeof value === 'bigint',
  compare: (a, b) => (a < b ? -1 : a > b ? 1 : 0)
})

/** Returns an async function that decodes a value with its schema from the registry. */
export function decoder ({ url, user, password }, fetch = globalThis.fetch) {
  const types = new Map()
  const headers = user ? { authorization: 'Basic ' + Buffer.from(`${user}:${password}`).toString('base64') } : {}

  async function type (id) {
    if (!types.has(id)) {
      const response = await fetch(`${url.replace(/\/+$/, '')}/schemas/ids/${id}`, { headers, signal: AbortSignal.timeout(10_000) })
      if (!response.ok) throw new Error(`the schema registry answers ${response.status} for schema ${id}`)
      const { schema } = await response.json()
      types.set(id, avro.Type.forSchema(JSON.parse(schema), { registry: { long }, logicalTypes: { 'timestamp-millis': TimestampMillis } }))
    }
    return types.get(id)
  }

  return async value => {
    if (!value || value.length < 5 || value[0] !== 0) throw new Unreadable("not in Confluent's wire format")
    const schema = await type(value.readInt32BE(1))
    try {
      return schema.fromBuffer(value.subarray(5))
    } catch {
      throw new Unreadable('does not fit its schema')
    }
  }
}

/** JSON of a decoded value. Longs that a number cannot say exactly become strings. */
export function toJSON (value) {
  return JSON.stringify(value, (_, v) => typeof v === 'bigint' ? (Number.isSafeInteger(Number(v)) ? Number(v) : String(v)) : v)
}
