import { parseArgs } from 'node:util'

export type VenueChoice = { type: 'live' } | { type: 'emulator' } | { type: 'replay'; file: string }

export type StartOptions = {
  venue: VenueChoice
  /** Ids and slugs, comma-separated; empty = the top ones. */
  markets: string
  top: number | undefined
  speed: number
  emulatorMarkets: number
  emulatorRate: number
}

export const USAGE = `usage: npm start -- [options]

  --markets <id|slug,…>    record these markets
  --top <n>                record the n markets with the highest 24 h volume (default 50)
  --venue <where>          live (default), emulator, or replay:<file>
  --speed <x>              of a replay: 1 = its own spacing (default), 0 = as fast as it goes
  --emulator-markets <n>   markets of the emulator (default 50)
  --emulator-rate <n>      frames a second of the emulator (default 200)
  --help                   this text

Everything else is set by environment variables, see .env.example.
State lies under .polytape/ (POLYTAPE_STATE_DIR); Ctrl-C stops, the next start continues.`

const numberOf = (name: string, text: string | undefined, least: number): number | undefined => {
  if (text === undefined) return undefined
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < least) {
    throw new Error(`--${name} takes a number of at least ${least}, not "${text}"`)
  }
  return value
}

const countOf = (name: string, text: string | undefined, least: number): number | undefined => {
  const value = numberOf(name, text, least)
  if (value !== undefined && !Number.isInteger(value)) throw new Error(`--${name} takes a whole number, not "${text}"`)
  return value
}

const venueOf = (text: string): VenueChoice => {
  if (text === 'live') return { type: 'live' }
  if (text === 'emulator') return { type: 'emulator' }
  if (text.startsWith('replay:') && text.length > 'replay:'.length) {
    return { type: 'replay', file: text.slice('replay:'.length) }
  }
  throw new Error(`--venue takes live, emulator or replay:<file>, not "${text}"`)
}

const strings = {
  markets: { type: 'string' },
  top: { type: 'string' },
  venue: { type: 'string' },
  speed: { type: 'string' },
  'emulator-markets': { type: 'string' },
  'emulator-rate': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

/** @throws Error that says which option is wrong and what it takes. */
export const parseStartOptions = (args: string[]): StartOptions | 'help' => {
  const { values } = parseArgs({ args, options: strings, strict: true, allowPositionals: false })
  if (values.help === true) return 'help'
  if (values.markets?.trim() === '') throw new Error('--markets takes ids or slugs, separated by commas')
  return {
    venue: venueOf(values.venue ?? 'live'),
    markets: values.markets ?? '',
    top: countOf('top', values.top, 1),
    speed: numberOf('speed', values.speed, 0) ?? 1,
    emulatorMarkets: countOf('emulator-markets', values['emulator-markets'], 1) ?? 50,
    emulatorRate: numberOf('emulator-rate', values['emulator-rate'], 0) ?? 200,
  }
}
