// Delivers one call by HTTP, with retries.
import { setTimeout as sleep } from 'node:timers/promises'

/** The endpoint will never take this call. */
export class Refused extends Error {
  constructor (status) {
    super(`status ${status}`)
    this.status = status
  }
}

/** The endpoint did not take the call in time: it is read again later. */
export class Undelivered extends Error {}

const FIRST_PAUSE = 200
const LONGEST_PAUSE = 20_000
const LONGEST_RETRY_AFTER = 3_600_000

// These say nothing of the call: wait, or give the program other credentials or another URL.
const LATER = new Set([401, 403, 407, 408, 421, 425, 429])

/** What an answer means: delivered, refused, or to be tried again. */
export function verdict (status) {
  if (status >= 200 && status < 300) return 'delivered'
  return status >= 400 && status < 500 && !LATER.has(status) ? 'refused' : 'later'
}

/** Milliseconds that a Retry-After asks for, in either of its forms; 0 where it asks for none. */
export function retryAfter (header, now = Date.now()) {
  if (!header) return 0
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return ms > 0 ? ms : 0
}

/** The pause after the nth attempt, from 0: at random between half and the whole of what doubles each time. */
export function pause (n, random = Math.random) {
  return Math.min(FIRST_PAUSE * 2 ** n, LONGEST_PAUSE) * (0.5 + random() / 2)
}

/** Until when the endpoint wants to be left alone, by all. */
export class Gate {
  until = 0

  close (ms, now = Date.now()) {
    this.until = Math.max(this.until, now + Math.min(ms, LONGEST_RETRY_AFTER))
  }
}

/** The answer's status and Retry-After, or the trouble where there was none. */
async function attempt (request, { url, headers, timeout, fetch }) {
  try {
    const response = await fetch(url, {
      method: 'POST', redirect: 'manual', body: request.body, headers: { ...headers, ...request.headers }, signal: AbortSignal.timeout(timeout)
    })
    await response.arrayBuffer() // the connection is used again after that
    return { status: response.status, trouble: `status ${response.status}`, asked: retryAfter(response.headers.get('retry-after')) }
  } catch (error) {
    return { status: 0, trouble: error.cause?.code ?? error.name, asked: 0 }
  }
}

/**
 * POSTs until the endpoint has answered for good. Throws Refused; or Undelivered at the deadline,
 * or when the signal aborts: not in an attempt, since its call may be taken.
 */
export async function deliver (request, options) {
  const { gate, deadline, signal, onRetry, fetch = globalThis.fetch } = options
  const rest = async until => {
    await sleep(Math.max(0, Math.min(until, deadline) - Date.now()), undefined, { signal }).catch(() => {})
    if (signal.aborted || until > deadline) throw new Undelivered('in time')
  }
  for (let n = 0; ; n++) {
    await rest(gate.until)
    const { status, trouble, asked } = await attempt(request, { ...options, fetch })
    const outcome = verdict(status)
    if (outcome === 'delivered') return
    if (outcome === 'refused') throw new Refused(status)
    onRetry(trouble)
    gate.close(asked)
    await rest(Date.now() + pause(n))
  }
}
