import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createLog } from '../../src/lib/log.ts'
import { decodeEntry, encodeEntry, type NewEntry, type SigningKeys } from '../../src/stream/entry.ts'
import { keyFilePath, rotateKeyFile, SWITCH_AFTER_MS } from '../../src/workers/key-file.ts'
import { followSigningKeys, loadSigningKeys } from '../../src/workers/signing-keys.ts'

let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'polytape-keys-'))
})
afterEach(async () => {
  vi.useRealTimers()
  await rm(folder, { recursive: true })
})

const entry: NewEntry = {
  stream: 'orderbook:1',
  epoch: '1790766966313-0a1b2c3d',
  firstOrdinal: 1,
  frames: [{ kind: 'websocket', receivedTimeMs: 1, sourceReceivedTimeMs: undefined, text: '{}' }],
}

const verifies = (fields: string[], signing: SigningKeys): boolean =>
  decodeEntry(entry.stream, ['1-0', fields], signing).type === 'entry'

const DAY_MS = 86_400_000

test('entries signed before a rotation of the kept key still verify, for as long as they are to be kept', async () => {
  const start = Date.now()
  const first = encodeEntry(entry, await loadSigningKeys(undefined, folder))
  const path = keyFilePath(folder)
  const rotated = await rotateKeyFile(path, { nowMs: start, keepDays: 30 })
  const later = await loadSigningKeys(undefined, folder)
  expect(verifies(first, later)).toBe(true)
  expect(rotated.dropped).toEqual([])
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  const next = await rotateKeyFile(path, { nowMs: start + 29 * DAY_MS, keepDays: 30 })
  expect(next.dropped).toEqual([])
  const last = await rotateKeyFile(path, { nowMs: start + 31 * DAY_MS, keepDays: 30 })
  expect(last.dropped).toHaveLength(1)
  expect(verifies(first, await loadSigningKeys(undefined, folder))).toBe(false)
})

test('a new key verifies at once and signs only when every process has had the time to read it', async () => {
  vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] })
  const running = await loadSigningKeys(undefined, folder)
  const before = running.current
  const ended = new AbortController()
  followSigningKeys(running, folder, createLog('test', 'error'), ended.signal)
  const { made } = await rotateKeyFile(keyFilePath(folder), { nowMs: Date.now(), keepDays: 30 })
  const started = await loadSigningKeys(undefined, folder)
  expect([started.current, running.current]).toEqual([before, before])
  await vi.advanceTimersByTimeAsync(1_000)
  await vi.waitFor(() => expect(running.keys.has(made)).toBe(true), 60_000)
  expect(running.current).toBe(before)
  await vi.advanceTimersByTimeAsync(SWITCH_AFTER_MS)
  await vi.waitFor(() => expect(running.current).toBe(made), 60_000)
  expect(verifies(encodeEntry(entry, running), started)).toBe(true)
  expect((await loadSigningKeys(undefined, folder)).current).toBe(made)
  ended.abort()
})

test('two rotations at once: one is refused and says why; so is one before the last has taken effect', async () => {
  await loadSigningKeys(undefined, folder)
  const path = keyFilePath(folder)
  const nowMs = Date.now()
  await mkdir(`${path}.lock`)
  await expect(rotateKeyFile(path, { nowMs, keepDays: 30 })).rejects.toThrow('another rotation is under way')
  await rm(`${path}.lock`, { recursive: true })
  await rotateKeyFile(path, { nowMs, keepDays: 30 })
  await expect(rotateKeyFile(path, { nowMs: nowMs + 1, keepDays: 30 })).rejects.toThrow('takes effect in 10 s')
})

test('a key of the environment may have an id, and older ones are named beside it', async () => {
  const plain = await loadSigningKeys('a secret of sixteen', folder)
  expect(plain.current).toBe('env')
  const old = ['env:a secret of sixteen', 'k1:another old secret']
  const named = await loadSigningKeys('k2:the newest secret', folder, old)
  expect(named.current).toBe('k2')
  expect(verifies(encodeEntry(entry, plain), named)).toBe(true)
  const first = await loadSigningKeys('k1:another old secret', folder)
  expect(verifies(encodeEntry(entry, first), named)).toBe(true)
  expect(verifies(encodeEntry(entry, named), plain)).toBe(false)
})

test('entries signed with the kept key verify after a key was set in the environment', async () => {
  const kept = await loadSigningKeys(undefined, folder)
  expect(verifies(encodeEntry(entry, kept), await loadSigningKeys('k2:the newest secret', folder))).toBe(true)
})

test('a bad list of old keys is refused without telling any secret', async () => {
  const load = (old: string[]) => loadSigningKeys('k2:the newest secret', folder, old)
  await expect(load(['k1:another old secret', 'hunter2'])).rejects.toThrow('part 2 is not')
  await expect(load(['hunter2hunter2hunter2'])).rejects.not.toThrow('hunter2')
  await expect(load(['k2:quite another secret'])).rejects.toThrow('key id "k2"')
})

test('a key file that is broken while the process runs changes nothing', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  const running = await loadSigningKeys(undefined, folder)
  const { current } = running
  const ended = new AbortController()
  followSigningKeys(running, folder, createLog('test', 'error'), ended.signal)
  const path = keyFilePath(folder)
  const text = await readFile(path, 'utf8')
  await writeFile(path, text.slice(0, 20))
  await vi.advanceTimersByTimeAsync(2_000)
  expect(running.current).toBe(current)
  ended.abort()
})
