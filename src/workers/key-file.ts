import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rename, rmdir, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

/**
 * The kept keys. After a rotation, `previous` goes on signing until `switchTimeMs`: by then every process has read the
 * new key, and none meets an entry whose key it does not know.
 */
const schema = z.object({
  current: z.string(),
  keys: z.record(z.string(), z.string().min(16)),
  previous: z.string().optional(),
  switchTimeMs: z.number().optional(),
})
export type KeyFile = z.infer<typeof schema>

/** Processes read the file once a second. */
export const SWITCH_AFTER_MS = 10_000
const DAY_MS = 86_400_000

export const keyFilePath = (stateDir: string): string => join(stateDir, 'keys')

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code

const parseKeys = (text: string, path: string): KeyFile => {
  const expected = 'expected {"current":"<id>","keys":{"<id>":"<secret>"}}; restore it or remove it to make new keys'
  let object: unknown
  try {
    object = JSON.parse(text)
  } catch (error) {
    throw new Error(`${path} is not JSON: ${expected}`, { cause: error })
  }
  const parsed = schema.safeParse(object)
  if (!parsed.success || parsed.data.keys[parsed.data.current] === undefined) {
    throw new Error(`${path} does not hold signing keys: ${expected}`)
  }
  return parsed.data
}

/** Undefined where there is no such file. */
export const readKeyFile = async (path: string): Promise<KeyFile | undefined> => {
  try {
    return parseKeys(await readFile(path, 'utf8'), path)
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
}

const writeAside = async (path: string, content: KeyFile): Promise<string> => {
  const aside = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  await writeFile(aside, `${JSON.stringify(content)}\n`, { mode: 0o600, flag: 'wx' })
  return aside
}

const newSecret = (): string => randomBytes(32).toString('hex')

/** Made aside and linked into place: of several processes that start at once, one makes the keys and all read the same. */
export const makeKeyFile = async (path: string): Promise<void> => {
  const id = `k${Date.now()}`
  const aside = await writeAside(path, { current: id, keys: { [id]: newSecret() } })
  try {
    await link(aside, path)
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
  } finally {
    await unlink(aside)
  }
}

/** Ids say when a key was made; one of another form was put there by hand and is kept. */
const madeTimeMs = (id: string): number | undefined => (/^k\d{13,16}$/.test(id) ? Number(id.slice(1)) : undefined)

/** A key is done with when the one after it is older than the time for which entries must verify. */
const isNeeded = (id: string, ids: string[], sinceTimeMs: number): boolean => {
  const made = madeTimeMs(id)
  if (made === undefined) return true
  const later = ids.map(madeTimeMs).filter((timeMs) => timeMs !== undefined && timeMs > made)
  return later.length === 0 || Math.min(...later.map(Number)) >= sinceTimeMs
}

const withNewKey = (kept: KeyFile, nowMs: number, keepDays: number): KeyFile => {
  const newest = Math.max(0, ...Object.keys(kept.keys).map((id) => madeTimeMs(id) ?? 0))
  const current = `k${Math.max(nowMs, newest + 1)}`
  const ids = [...Object.keys(kept.keys), current]
  const needed = Object.entries(kept.keys).filter(
    ([id]) => id === kept.current || isNeeded(id, ids, nowMs - keepDays * DAY_MS),
  )
  return {
    current,
    keys: { ...Object.fromEntries(needed), [current]: newSecret() },
    previous: kept.current,
    switchTimeMs: nowMs + SWITCH_AFTER_MS,
  }
}

export type Rotated = { made: string; previous: string; dropped: string[]; switchTimeMs: number }

/**
 * Adds a new key that signs from ten seconds on; older ones verify for `keepDays` after they were replaced.
 *
 * @throws Error where another rotation is under way, or where the last one has not taken effect yet.
 */
export const rotateKeyFile = async (path: string, options: { nowMs: number; keepDays: number }): Promise<Rotated> => {
  const { nowMs, keepDays } = options
  const lock = `${path}.lock`
  try {
    await mkdir(lock)
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
    throw new Error(`another rotation is under way; if none is, remove ${lock}`, { cause: error })
  }
  try {
    if ((await readKeyFile(path)) === undefined) await makeKeyFile(path)
    const kept = await readKeyFile(path)
    if (kept === undefined) throw new Error(`${path} was removed meanwhile`)
    const waitMs = (kept.switchTimeMs ?? 0) - nowMs
    if (waitMs > 0) throw new Error(`the last rotation takes effect in ${Math.ceil(waitMs / 1_000)} s: wait for it`)
    const rotated = withNewKey(kept, nowMs, keepDays)
    await rename(await writeAside(path, rotated), path)
    const dropped = Object.keys(kept.keys).filter((id) => rotated.keys[id] === undefined)
    return { made: rotated.current, previous: kept.current, dropped, switchTimeMs: nowMs + SWITCH_AFTER_MS }
  } finally {
    await rmdir(lock)
  }
}
