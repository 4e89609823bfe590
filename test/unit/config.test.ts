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
