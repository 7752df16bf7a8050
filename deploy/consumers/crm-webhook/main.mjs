// Runs until SIGTERM (0), a wrong setting (2) or an error that does not pass (1).
import { setTimeout as sleep } from 'node:timers/promises'
import kafkajs from '@confluentinc/kafka-javascript'
import { decoder } from './decoder.mjs'
import { deliver, Gate, Undelivered } from './delivery.mjs'
import { kafka, number, setting, SettingError } from './settings.mjs'
import { deliverAll, deliverOrBury, limiter } from './webhook.mjs'

const { Kafka } = kafkajs.KafkaJS

const BATCH = 64 // records of one partition that are worked on together
const BATCH_TIME = 60_000 // then what is left of them is read again: the group must hear of a consumer now and then

function log (text, fields = {}) {
  console.error(JSON.stringify({ time: new Date().toISOString(), text, ...fields }))
}

const READ_AGAIN = 'the client reads the rest again'

/** The client's errors, in a line each. One that is fatal (another consumer has this one's name) ends the program. */
function clientLogger (end) {
  const logger = {
    setLogLevel () {},
    debug () {},
    info () {},
    warn () {},
    error (message) {
      if (message.includes(READ_AGAIN)) return // it is logged here already
      log('kafka', { trouble: message.split('\n', 1)[0] })
      if (message.includes('Fatal error')) end(new Error('a fatal error of the client'))
    },
    namespace () { return logger }
  }
  return logger
}

function settings () {
  const token = setting('WEBHOOK_TOKEN', '')
  return {
    connection: kafka(),
    group: setting('KAFKA_GROUP', 'crm-webhook'),
    instance: setting('INSTANCE', ''),
    events: setting('KAFKA_TOPIC_CALL_COMPLETED', 'airudder.call-completed'),
    deadLetters: setting('KAFKA_TOPIC_WEBHOOK_DEAD_LETTER', 'crm-webhook.dead-letter'),
    createTopics: setting('KAFKA_CREATE_TOPICS', 'false') === 'true',
    replicas: Number(setting('KAFKA_REPLICATION_FACTOR', '-1')),
    registry: { url: setting('SCHEMA_REGISTRY_URL'), user: setting('SCHEMA_REGISTRY_USERNAME', ''), password: setting('SCHEMA_REGISTRY_PASSWORD', '') },
    url: setting('WEBHOOK_URL'),
    headers: token ? { authorization: `Bearer ${token}` } : {},
    timeout: number('WEBHOOK_TIMEOUT_MS', 10_000),
    limit: limiter(number('WEBHOOK_CONCURRENCY', 16))
  }
}

/** What happens to a batch of one partition. */
function batchHandler (s, producer, signal) {
  const decode = decoder(s.registry)
  const gate = new Gate()
  return async ({ batch: { topic, partition, messages }, resolveOffset, isStale }) => {
    const deadline = Date.now() + BATCH_TIME
    let troubles = 0
    const onRetry = trouble => { if (troubles++ === 0) log('the endpoint does not take a call, which is tried again', { trouble, partition }) }
    const options = { url: s.url, headers: s.headers, timeout: s.timeout, gate, deadline, signal, onRetry }
    const bury = async letter => {
      const value = { ...letter, topic, partition, offset: Number(letter.offset), at: new Date().toISOString() }
      await producer.send({ topic: s.deadLetters, messages: [{ key: letter.ce_id ?? null, value: JSON.stringify(value) }] })
      log('a call went to the dead letters', value)
    }
    const one = message => deliverOrBury(message, { decode, bury, deliver: request => s.limit(() => deliver(request, options)) })
    const { done, trouble } = await deliverAll(messages, one, () => !signal.aborted && !isStale() && Date.now() < deadline)
    if (done) resolveOffset(messages[done - 1].offset) // is committed at the next interval, and at the end
    if (trouble && !(trouble instanceof Undelivered)) {
      log('a batch is read again', { trouble: trouble.message, partition })
      await sleep(1000, undefined, { signal }).catch(() => {})
    }
    if (done < messages.length) throw new Error(READ_AGAIN)
  }
}

/** Sees to the topics. */
async function prepareTopics (client, s) {
  const admin = client.admin()
  await admin.connect()
  try {
    const there = await admin.listTopics({ timeout: 20_000 })
    if (!there.includes(s.events)) throw new SettingError(`the topic ${s.events} does not exist, or may not be read`)
    if (there.includes(s.deadLetters)) return
    if (!s.createTopics) throw new SettingError(`the topic ${s.deadLetters} does not exist: create it, or set KAFKA_CREATE_TOPICS=true`)
    await admin.createTopics({ topics: [{ topic: s.deadLetters, numPartitions: 1, replicationFactor: s.replicas }] })
  } finally {
    await admin.disconnect()
  }
}

async function run () {
  const s = settings()
  let end
  const ended = new Promise(resolve => { end = resolve }) // with an error, or without
  for (const name of ['SIGTERM', 'SIGINT']) process.once(name, () => end())
  const client = new Kafka({ ...s.connection, kafkaJS: { logger: clientLogger(end) } })
  await prepareTopics(client, s)
  const producer = client.producer({ 'enable.idempotence': true })
  const consumer = client.consumer({
    'group.id': s.group,
    ...(s.instance && { 'group.instance.id': s.instance }),
    'isolation.level': 'read_committed',
    'auto.offset.reset': 'earliest',
    'session.timeout.ms': 10_000, // a killed consumer is missed after this
    'auto.commit.interval.ms': 1000, // of offsets that were resolved
    'js.consumer.max.batch.size': BATCH
  })
  const ending = new AbortController()
  await Promise.all([producer.connect(), consumer.connect()])
  await consumer.subscribe({ topics: [s.events] })
  await consumer.run({ partitionsConsumedConcurrently: 64, eachBatch: batchHandler(s, producer, ending.signal) })
  log('started', { topic: s.events, group: s.group })
  const error = await ended
  ending.abort()
  await consumer.disconnect() // waits for the deliveries under way, and commits
  await producer.disconnect()
  if (error) throw error
  log('ended')
}

try {
  await run()
  process.exit(0)
} catch (error) {
  if (!(error instanceof SettingError)) {
    log('stopped', { trouble: error.message })
    process.exit(1)
  }
  log(error.message)
  process.exit(2)
}
