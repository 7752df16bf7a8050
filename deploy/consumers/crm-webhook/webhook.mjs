// Turns the records of a batch into deliveries: in order for each key, side by side for others.
import { Unreadable, toJSON } from './decoder.mjs'
import { Refused } from './delivery.mjs'

/** A CloudEvent in JSON's structured mode, with its id as the key by which the endpoint knows a second delivery. */
export function requestOf (headers, data) {
  const event = {
    specversion: headers.ce_specversion, id: headers.ce_id, source: headers.ce_source, type: headers.ce_type,
    subject: headers.ce_subject, time: headers.ce_time, datacontenttype: 'application/json', data
  }
  return {
    body: toJSON(event),
    headers: { 'content-type': 'application/cloudevents+json; charset=utf-8', 'idempotency-key': printable(headers.ce_id) }
  }
}

/** A header takes no more than ASCII: the rest is percent-encoded. */
function printable (id) {
  return id.replace(/[^\x21-\x7e]/gu, encodeURIComponent)
}

/** The record's headers as text. */
export function headersOf (message) {
  return Object.fromEntries(Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(Array.isArray(value) ? value[0] : value)]))
}

/** At most so many at once, first come first served. */
export function limiter (most) {
  let running = 0
  const waiting = []
  return async work => {
    if (running >= most) await new Promise(resolve => waiting.push(resolve))
    else running++
    try {
      return await work()
    } finally {
      if (waiting.length) waiting.shift()()
      else running--
    }
  }
}

/**
 * Delivers the messages of one partition and returns how many of them, from the first on, are
 * done: delivered, or in the dead letters. With fewer than all comes the trouble of the others.
 */
export async function deliverAll (messages, deliverOne, goesOn) {
  const done = new Array(messages.length).fill(false)
  const byKey = new Map()
  messages.forEach((message, i) => {
    const key = message.key?.toString('latin1') ?? `no key ${i}`
    byKey.set(key, [...(byKey.get(key) ?? []), i])
  })
  let trouble
  await Promise.all([...byKey.values()].map(async order => {
    for (const i of order) {
      if (!goesOn()) return
      try {
        await deliverOne(messages[i])
        done[i] = true
      } catch (error) {
        trouble ??= error
        return // what follows under this key waits for it
      }
    }
  }))
  const first = done.indexOf(false)
  return { done: first < 0 ? messages.length : first, trouble }
}

/** Delivers one message; what the endpoint refuses, and what cannot be read, goes to the dead letters. */
export async function deliverOrBury (message, { decode, deliver, bury }) {
  const headers = headersOf(message)
  try {
    const data = await decode(message.value)
    if (!headers.ce_id) throw new Unreadable('no ce_id')
    await deliver(requestOf(headers, data))
  } catch (error) {
    if (!(error instanceof Refused || error instanceof Unreadable)) throw error
    await bury({ reason: error.message, ce_id: headers.ce_id, ce_source: headers.ce_source, offset: message.offset })
  }
}
