import type { Patient } from './probe.ts'

const SECRET_NAME = /(SECRET|PASSWORD|TOKEN|API_KEY|HMAC|ACCESS_KEY)/
/** Shorter ones would blacken half of every line. */
const SHORTEST = 4

/** What is no encoding (a bare `%`) stands for itself. */
const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Password, and parameters of the address that carry one. */
const secretsOf = (url: string): string[] => {
  if (!URL.canParse(url)) return [url]
  const { password, searchParams } = new URL(url)
  const named = [...searchParams].filter(([name]) => /password|key|secret|token/i.test(name)).map(([, value]) => value)
  return [password, decoded(password), ...named]
}

/** What must be in no line, whoever wrote it: longest first, so that none leaves a rest of another. */
export const knownSecrets = ({ places, environment, config }: Patient): string[] => {
  const named = Object.entries(environment).flatMap(([name, value = '']) => (SECRET_NAME.test(name) ? [value] : []))
  const urls = [places.database.url, places.reads.url, places.redis.url, config.ALERT_WEBHOOK_URL ?? ''].flatMap(
    secretsOf,
  )
  const parts = [...named, ...config.STREAM_HMAC_KEYS_OLD].flatMap((value) => [value, ...value.split(':')])
  return [...new Set([...urls, ...parts])]
    .filter((secret) => secret.length >= SHORTEST)
    .toSorted((left, right) => right.length - left.length)
}

export const withoutSecrets = (text: string, secrets: string[]): string =>
  secrets.reduce((clean, secret) => clean.replaceAll(secret, '***'), text)
