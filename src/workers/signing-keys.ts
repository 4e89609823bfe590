import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { SigningKeys } from '../stream/entry.ts'

const file = z.object({ current: z.string(), keys: z.record(z.string(), z.string().min(16)) })

/** Made aside and linked into place: of several processes that start at once, one makes the keys and all read the same. */
const makeKeys = async (path: string): Promise<void> => {
  const id = `k${Date.now()}`
  const aside = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`
  const text = JSON.stringify({ current: id, keys: { [id]: randomBytes(32).toString('hex') } })
  await writeFile(aside, `${text}\n`, { mode: 0o600, flag: 'wx' })
  try {
    await link(aside, path)
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
  } finally {
    await unlink(aside)
  }
}

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code

const readText = async (path: string): Promise<string | undefined> => {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
}

const parseKeys = (text: string, path: string): SigningKeys => {
  const expected = 'expected {"current":"<id>","keys":{"<id>":"<secret>"}}; restore it or remove it to make new keys'
  let object: unknown
  try {
    object = JSON.parse(text)
  } catch (error) {
    throw new Error(`${path} is not JSON: ${expected}`, { cause: error })
  }
  const parsed = file.safeParse(object)
  if (!parsed.success || parsed.data.keys[parsed.data.current] === undefined) {
    throw new Error(`${path} does not hold signing keys: ${expected}`)
  }
  return { current: parsed.data.current, keys: new Map(Object.entries(parsed.data.keys)) }
}

/** `STREAM_HMAC_KEY` where it is set, else `<state dir>/keys`, made once with mode 0600 and kept. */
export const loadSigningKeys = async (secret: string | undefined, stateDir: string): Promise<SigningKeys> => {
  if (secret !== undefined) return { current: 'env', keys: new Map([['env', secret]]) }
  const path = join(stateDir, 'keys')
  await mkdir(stateDir, { recursive: true })
  if ((await readText(path)) === undefined) await makeKeys(path)
  return parseKeys((await readText(path)) ?? '', path)
}
