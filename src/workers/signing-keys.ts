import { mkdir } from 'node:fs/promises'
import { every } from '../lib/every.ts'
import type { Logger } from '../lib/log.ts'
import type { SigningKeys } from '../stream/entry.ts'
import { keyFilePath, makeKeyFile, readKeyFile, type KeyFile } from './key-file.ts'

const LOOK_EVERY_MS = 1_000
/** `<id>:<secret>`; a secret without an id is that of the key `env`. */
const WITH_ID = /^([A-Za-z0-9_-]{1,32}):(.{16,})$/

type Key = [id: string, secret: string]

const toKey = (text: string): Key => {
  const match = WITH_ID.exec(text)
  return match === null ? ['env', text] : [match[1] ?? '', match[2] ?? '']
}

/** Never quotes what came: it is a secret. */
const toOldKey = (text: string, index: number): Key => {
  if (WITH_ID.test(text)) return toKey(text)
  throw new Error(
    `STREAM_HMAC_KEYS_OLD: expected <id>:<secret of at least 16 characters>, separated by commas; part ${index + 1} is not`,
  )
}

/** The new key signs only when every process has had the time to read it. */
const signerOf = ({ current, previous, switchTimeMs, keys }: KeyFile): string => {
  const isEarly = switchTimeMs !== undefined && Date.now() < switchTimeMs
  return isEarly && previous !== undefined && keys[previous] !== undefined ? previous : current
}

const fromEnvironment = (secret: string, old: Key[], kept: KeyFile | undefined): SigningKeys => {
  const [current, currentSecret] = toKey(secret)
  const clash = old.find(([id, other]) => id === current && other !== currentSecret)
  if (clash !== undefined) {
    throw new Error(
      `STREAM_HMAC_KEYS_OLD: key id "${current}" is that of STREAM_HMAC_KEY with another secret; give the new key an id of its own`,
    )
  }
  return { current, keys: new Map([...Object.entries(kept?.keys ?? {}), ...old, [current, currentSecret]]) }
}

const fromFile = (kept: KeyFile, old: Key[]): SigningKeys => ({
  current: signerOf(kept),
  keys: new Map([...old, ...Object.entries(kept.keys)]),
})

/**
 * `STREAM_HMAC_KEY` where it is set (`<id>:<secret>`, or a secret alone, whose id is `env`), else `<state dir>/keys`, made
 * once with mode 0600 and kept. Keys of `STREAM_HMAC_KEYS_OLD` and of the file only verify: entries that were signed
 * before a rotation stay readable.
 */
export const loadSigningKeys = async (
  secret: string | undefined,
  stateDir: string,
  oldKeys: string[] = [],
): Promise<SigningKeys> => {
  const old = oldKeys.map(toOldKey)
  const path = keyFilePath(stateDir)
  if (secret !== undefined) return fromEnvironment(secret, old, await readKeyFile(path).catch(() => undefined))
  await mkdir(stateDir, { recursive: true })
  if ((await readKeyFile(path)) === undefined) await makeKeyFile(path)
  const kept = await readKeyFile(path)
  if (kept === undefined) throw new Error(`${path} was removed while it was read`)
  return fromFile(kept, old)
}

/**
 * Follows rotations of the kept key while the process runs: it verifies with a new key within a second and signs with it
 * once all others do. Changes `signing` in place, between two turns of the event loop, so that no entry carries the id of
 * one key and the signature of another. A file that cannot be read changes nothing.
 */
export const followSigningKeys = (signing: SigningKeys, stateDir: string, log: Logger, signal: AbortSignal): void => {
  const path = keyFilePath(stateDir)
  const look = async (): Promise<void> => {
    const kept = await readKeyFile(path).catch(() => undefined)
    if (kept === undefined) return
    signing.keys = new Map([...signing.keys, ...Object.entries(kept.keys)])
    const signer = signerOf(kept)
    if (signer === signing.current) return
    log.info({ from: signing.current, to: signer }, 'stream entries are signed with another key')
    signing.current = signer
  }
  every(LOOK_EVERY_MS, () => void look(), signal)
}
