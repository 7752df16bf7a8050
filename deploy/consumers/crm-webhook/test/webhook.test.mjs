import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import avro from 'avsc'
import { decoder, toJSON, Unreadable } from '../decoder.mjs'
import { deliver, Gate, pause, Refused, retryAfter, Undelivered, verdict } from '../delivery.mjs'
import { deliverAll, deliverOrBury, limiter, requestOf } from '../webhook.mjs'

const SCHEMA = {
  type: 'record',
  name: 'CallCompleted',
  fields: [
    { name: 'call_id', type: 'string' }, { name: 'row_id', type: ['null', 'long'] },
    { name: 'occurred_at', type: { type: 'long', logicalType: 'timestamp-millis' } }
  ]
}
const registry = async url => Response.json({ schema: JSON.stringify(SCHEMA), url })

/** A value in Confluent's wire format; of row_id the bytes, since a long may be larger than a number. */
function wire (call, row, ms) {
  const id = Buffer.alloc(5)
  id.writeInt32BE(7, 1)
  return Buffer.concat([id, avro.Type.forSchema('string').toBuffer(call), row, avro.Type.forSchema('long').toBuffer(ms)])
}

test('a value becomes JSON: times in ISO 8601, long longs as text', async () => {
  const decode = decoder({ url: 'http://registry/' }, registry)
  const max = Buffer.from('02feffffffffffffffff01', 'hex') // a long: 2^63 - 1
  assert.equal(toJSON(await decode(wire('c', max, 0))), '{"call_id":"c","row_id":"9223372036854775807","occurred_at":"1970-01-01T00:00:00.000Z"}')
  assert.equal(toJSON(await decode(wire('c', Buffer.from('0254', 'hex'), 1))), '{"call_id":"c","row_id":42,"occurred_at":"1970-01-01T00:00:00.001Z"}')
  assert.equal(toJSON(await decode(wire('c', Buffer.from('00', 'hex'), 1))), '{"call_id":"c","row_id":null,"occurred_at":"1970-01-01T00:00:00.001Z"}')
})

test('what cannot be read is told from a registry that does not answer', async () => {
  const decode = decoder({ url: 'http://registry' }, registry)
  await assert.rejects(decode(Buffer.from('{}')), Unreadable)
  await assert.rejects(decode(wire('c', Buffer.from('0254', 'hex'), 1).subarray(0, 8)), Unreadable)
  const down = decoder({ url: 'http://registry' }, async () => new Response('', { status: 503 }))
  await assert.rejects(down(wire('c', Buffer.from('00', 'hex'), 1)), error => !(error instanceof Unreadable))
})

test('answers', () => {
  assert.equal(verdict(204), 'delivered')
  for (const status of [400, 404, 409, 410, 413, 422]) assert.equal(verdict(status), 'refused', status)
  for (const status of [0, 302, 401, 403, 408, 425, 429, 500, 503]) assert.equal(verdict(status), 'later', status)
})

test('Retry-After is seconds or a date', () => {
  assert.equal(retryAfter('3'), 3000)
  assert.equal(retryAfter('Thu, 01 Jan 1970 00:00:05 GMT', 1000), 4000)
  assert.equal(retryAfter('Thu, 01 Jan 1970 00:00:05 GMT', 9000), 0)
  assert.equal(retryAfter(null), 0)
  assert.equal(retryAfter('soon'), 0)
})

test('pauses double, with jitter, up to an end', () => {
  assert.equal(pause(0, () => 0), 100)
  assert.equal(pause(0, () => 1), 200)
  assert.equal(pause(3, () => 1), 1600)
  assert.equal(pause(99, () => 1), 20_000)
})

/** An endpoint on a free port that gives these answers one after the other, and keeps what it was sent. */
async function endpoint (t, answers) {
  const seen = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', chunk => { body += chunk })
    request.on('end', () => {
      seen.push({ key: request.headers['idempotency-key'], body })
      const answer = answers.shift() ?? 200
      if (answer === 'reset') return request.socket.destroy()
      response.writeHead(answer.status ?? answer, answer.headers).end()
    })
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => { server.closeAllConnections(); server.close() })
  return { url: `http://127.0.0.1:${server.address().port}`, seen }
}

const options = extra => ({
  headers: {}, timeout: 5000, gate: new Gate(), deadline: Date.now() + 30_000, signal: new AbortController().signal, onRetry () {}, ...extra
})
const request = { body: 'x', headers: { 'idempotency-key': 'T/c/0' } }

test('a call is tried again after 5xx, 429 and a reset, under the same key', async t => {
  const troubles = []
  const { url, seen } = await endpoint(t, [503, 'reset', { status: 429, headers: { 'retry-after': '0' } }, 200])
  await deliver(request, options({ url, onRetry: trouble => troubles.push(trouble) }))
  assert.deepEqual(seen.map(s => s.key), Array(4).fill('T/c/0'))
  assert.equal(troubles[0], 'status 503')
  assert.equal(troubles.length, 3)
})

test('Retry-After holds back every call, not only the one that was told', async t => {
  const { url, seen } = await endpoint(t, [{ status: 503, headers: { 'retry-after': '600' } }])
  const gate = new Gate()
  const early = Date.now() + 50
  await assert.rejects(deliver(request, options({ url, gate, deadline: early })), Undelivered)
  await assert.rejects(deliver(request, options({ url, gate, deadline: early })), Undelivered)
  assert.equal(seen.length, 1)
  assert.ok(gate.until > Date.now() + 590_000)
})

test('4xx is final, and the end of the program ends the waiting', async t => {
  const { url, seen } = await endpoint(t, [422, 500])
  await assert.rejects(deliver(request, options({ url })), error => error instanceof Refused && error.message === 'status 422')
  const ending = new AbortController()
  await assert.rejects(deliver(request, options({ url, signal: ending.signal, onRetry: () => ending.abort() })), Undelivered)
  assert.equal(seen.length, 2)
})

test('the request is a CloudEvent, with its id as the key', () => {
  const { body, headers } = requestOf({ ce_id: 'T/é 1/0', ce_source: 's', ce_type: 'airudder.call.completed', ce_specversion: '1.0' }, { call_id: 'é 1' })
  assert.equal(headers['idempotency-key'], 'T/%C3%A9%201/0')
  assert.deepEqual(JSON.parse(body), {
    specversion: '1.0', id: 'T/é 1/0', source: 's', type: 'airudder.call.completed', datacontenttype: 'application/json', data: { call_id: 'é 1' }
  })
})

const messages = keys => keys.map((key, i) => ({ key: Buffer.from(key), offset: String(i) }))

test('calls of a key are in order, and those of others do not wait for them', async () => {
  const order = []
  const release = {}
  const held = deliverAll(messages(['a', 'a', 'b']), async m => {
    order.push(m.offset)
    if (m.offset === '0') await new Promise(resolve => { release.first = resolve })
  }, () => true)
  await new Promise(setImmediate)
  assert.deepEqual(order, ['0', '2'])
  release.first()
  assert.deepEqual(await held, { done: 3, trouble: undefined })
  assert.deepEqual(order, ['0', '2', '1'])
})

test('what is done ends before the first that is not', async () => {
  const broken = new Error('x')
  const seen = []
  const one = async m => { seen.push(m.offset); if (m.offset === '1') throw broken }
  assert.deepEqual(await deliverAll(messages(['a', 'b', 'b', 'c']), one, () => true), { done: 1, trouble: broken })
  assert.deepEqual(seen, ['0', '1', '3'], 'what follows under a key waits for it')
  assert.deepEqual(await deliverAll(messages(['a', 'b']), one, () => false), { done: 0, trouble: undefined })
})

test('never more at once than allowed', async () => {
  const limit = limiter(3)
  let now = 0
  let most = 0
  await Promise.all(Array.from({ length: 20 }, () => limit(async () => {
    most = Math.max(most, ++now)
    await new Promise(setImmediate)
    now--
  })))
  assert.equal(most, 3)
})

test('dead letters say where the event is, and nothing of it', async () => {
  const letters = []
  const bury = async letter => letters.push(letter)
  const message = { value: Buffer.from('secret'), offset: '5', headers: { ce_id: Buffer.from('T/c/0'), ce_source: Buffer.from('s') } }
  await deliverOrBury(message, { decode: async () => { throw new Unreadable('does not fit its schema') }, bury })
  await deliverOrBury(message, { decode: async () => ({}), deliver: async () => { throw new Refused(400) }, bury })
  assert.deepEqual(letters, ['does not fit its schema', 'status 400'].map(reason => ({ reason, ce_id: 'T/c/0', ce_source: 's', offset: '5' })))
  await assert.rejects(deliverOrBury(message, { decode: async () => { throw new Error('registry') }, bury }), /registry/)
  assert.equal(letters.length, 2)
})
