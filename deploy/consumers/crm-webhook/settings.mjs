// What the environment says, under the names that airudder-exporter has for it.
import { readFileSync } from 'node:fs'

/** A setting is missing or wrong; the text names it. */
export class SettingError extends Error {}

/** A variable, or the content of the file that NAME_FILE names. */
export function setting (name, otherwise) {
  const file = process.env[name + '_FILE']
  const value = (file ? readFileSync(file, 'utf8').trim() : process.env[name]) || otherwise
  if (value === undefined) throw new SettingError(`${name} is not set`)
  return value
}

export function number (name, otherwise) {
  const value = Number(setting(name, String(otherwise)))
  if (!(value > 0)) throw new SettingError(`${name} is "${process.env[name]}"; right is for example ${otherwise}`)
  return value
}

/** librdkafka's settings of the connection. */
export function kafka () {
  const mechanism = setting('KAFKA_SASL_MECHANISM', '')
  const conf = {
    'bootstrap.servers': setting('KAFKA_BROKERS'),
    'security.protocol': (mechanism && 'sasl_') + (setting('KAFKA_TLS_ENABLED', 'false') === 'true' ? 'ssl' : 'plaintext')
  }
  if (mechanism) {
    conf['sasl.mechanisms'] = mechanism
    conf['sasl.username'] = setting('KAFKA_SASL_USERNAME')
    conf['sasl.password'] = setting('KAFKA_SASL_PASSWORD')
  }
  const files = { KAFKA_TLS_CA_FILE: 'ssl.ca.location', KAFKA_TLS_CERT_FILE: 'ssl.certificate.location', KAFKA_TLS_KEY_FILE: 'ssl.key.location' }
  for (const [variable, name] of Object.entries(files)) {
    if (process.env[variable]) conf[name] = process.env[variable]
  }
  return conf
}
