import { expect, test } from 'vitest'
import { readConfig } from '../../src/config.ts'

test('an alert webhook needs a secret that signs it, and an address', () => {
  const url = 'https://example.org/alerts'
  expect(() => readConfig({ ALERT_WEBHOOK_URL: url })).toThrow('ALERT_WEBHOOK_SECRET: expected a secret')
  expect(() => readConfig({ ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: 'short' })).toThrow('ALERT_WEBHOOK_SECRET')
  expect(() => readConfig({ ALERT_WEBHOOK_URL: 'example', ALERT_WEBHOOK_SECRET: 'x'.repeat(16) })).toThrow(
    'ALERT_WEBHOOK_URL',
  )
  expect(readConfig({ ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: 'x'.repeat(16) }).ALERT_WEBHOOK_URL).toBe(url)
})

test('a window of heartbeats is a number of ms above 0', () => {
  for (const window of ['0', '-1', '1.5', 'a minute']) {
    expect(() => readConfig({ HEARTBEAT_WINDOW_MS_NORMALIZER: window })).toThrow('HEARTBEAT_WINDOW_MS_NORMALIZER')
  }
  expect(readConfig({ HEARTBEAT_WINDOW_MS_NORMALIZER: '1000' }).HEARTBEAT_WINDOW_MS_NORMALIZER).toBe(1_000)
})

test('tracked wallets are addresses, in lower case whatever they were', () => {
  const [one, two] = [`0x${'aB'.repeat(20)}`, `0x${'01'.repeat(20)}`]
  expect(readConfig({ TRACKED_WALLETS: `${one}, ${two},` }).TRACKED_WALLETS).toEqual([one.toLowerCase(), two])
  expect(readConfig({}).TRACKED_WALLETS).toEqual([])
  expect(() => readConfig({ TRACKED_WALLETS: `${two},0x12` })).toThrow('expected 0x and 40 hex digits')
})

test('the archive lies in the state folder unless an address of S3 or of a folder is given', () => {
  expect(readConfig({ POLYTAPE_STATE_DIR: '/var/lib/poly tape' }).ARCHIVE_URL).toBe(
    'file:///var/lib/poly%20tape/archive',
  )
  const s3 = 's3://bucket/prefix?endpoint=http://127.0.0.1:9000'
  expect(readConfig({ ARCHIVE_URL: s3 }).ARCHIVE_URL).toBe(s3)
  for (const url of ['/var/archive', 'https://bucket.example.org', 's3://bucket?endpont=x', 's3://key:secret@bucket']) {
    expect(() => readConfig({ ARCHIVE_URL: url })).toThrow(/ARCHIVE_URL: (expected|credentials)/)
  }
})
