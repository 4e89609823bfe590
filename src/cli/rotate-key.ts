import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { readConfig } from '../config.ts'
import { keyFilePath, rotateKeyFile } from '../workers/key-file.ts'

const USAGE = `usage: npm run rotate-key [-- --keep-days <n>]

Makes a new key for signing stream entries in <POLYTAPE_STATE_DIR>/keys. Running processes take
it over by themselves; entries of the older keys verify for --keep-days (default 30) more.`

const DEFAULT_KEEP_DAYS = 30

const byEnvironment = (): string => {
  const id = `k${Date.now()}`
  return `STREAM_HMAC_KEY is set, so the kept key signs nothing. To rotate a key of the environment:
  1. on every machine, add the new key to STREAM_HMAC_KEYS_OLD and restart: all of them verify it then
       STREAM_HMAC_KEYS_OLD=${id}:${randomBytes(32).toString('hex')}
  2. then swap the two: the new one as STREAM_HMAC_KEY, the old one, with its id, in STREAM_HMAC_KEYS_OLD
       (a key that had no id is "env": STREAM_HMAC_KEYS_OLD=env:<old secret>)
  3. leave the old one there while streams or dead letters may hold entries that it signed`
}

const readKeepDays = (): number | 'help' => {
  const options = { 'keep-days': { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const
  const { values } = parseArgs({ options, strict: true })
  if (values.help === true) return 'help'
  const text = values['keep-days'] ?? String(DEFAULT_KEEP_DAYS)
  if (!/^\d{1,5}$/.test(text)) throw new Error(`--keep-days: expected a whole number, got "${text}"\n\n${USAGE}`)
  return Number(text)
}

const main = async (): Promise<number> => {
  const keepDays = readKeepDays()
  const config = readConfig(process.env)
  if (keepDays === 'help' || config.STREAM_HMAC_KEY !== undefined) {
    console.log(keepDays === 'help' ? USAGE : byEnvironment())
    return keepDays === 'help' ? 0 : 1
  }
  await mkdir(config.POLYTAPE_STATE_DIR, { recursive: true })
  const path = keyFilePath(config.POLYTAPE_STATE_DIR)
  const { made, previous, dropped, switchTimeMs } = await rotateKeyFile(path, { nowMs: Date.now(), keepDays })
  console.log(`${path}: ${made} signs from ${new Date(switchTimeMs).toISOString()} on; ${previous} signs until then`)
  console.log(dropped.length === 0 ? 'all older keys still verify' : `no longer verified: ${dropped.join(', ')}`)
  return 0
}

try {
  process.exitCode = await main()
} catch (error) {
  console.error(`rotate-key: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
