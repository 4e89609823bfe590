import { compile } from '../../src/local/compile.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { openRecording, type Recording } from '../../test/support/recording.ts'
import { until, type System } from '../../test/support/system.ts'
import type { VenueProcess } from '../../test/support/venue-process.ts'
import { complaintsOf } from './complaints.ts'
import { startNormalizer, type Normalizer } from './extra-normalizer.ts'
import { takeLook, type Look } from './look.ts'
import { figuresOf, processesOf, type Process } from './processes.ts'

export type LoadOptions = {
  markets: number
  shards: number
  env?: Record<string, string>
  /** More arguments of the emulator. */
  venueArgs?: string[]
  say: (line: string) => void
}

/** The whole product, recording an emulator of its own process whose rate may be set. */
export type Load = AsyncDisposable & {
  recording: Recording
  /** Roles, servers and the emulator, as they run now. */
  processes: () => Process[]
  /** Frames a second from now on. */
  setRate: (rate: number) => Promise<void>
  look: () => Promise<Look>
}

/** Until all books stand; the rate of a measurement comes after it. */
const START_RATE = 200
const LOOK_EVERY_MS = 500

const untilProved = ({ system }: Recording, markets: number): Promise<true> =>
  until('all books to be proved', async () => {
    await sleep(LOOK_EVERY_MS)
    const { marketsWithBook = 0, tokensProved = 0 } = await figuresOf(system, 'normalizer')
    return (marketsWithBook >= markets && tokensProved >= 2 * markets) || undefined
  })

export const openLoad = async ({ markets, shards, env = {}, venueArgs = [], say }: LoadOptions): Promise<Load> => {
  const startMs = performance.now()
  const room = shards > 1 ? { SHARDS_PER_NORMALIZER: '1' } : {}
  const given = { NORMALIZER_SHARDS: String(shards), ...room, ...env }
  const extras: Normalizer[] = []
  const compiled = await compile(say)
  const beside = (system: System, venue: VenueProcess): Normalizer[] => {
    for (let shard = 1; shard < shards; shard++)
      extras.push(startNormalizer(system, { ...venue.env, ...given }, compiled))
    return extras
  }
  const recording = await openRecording({ markets, rate: START_RATE, env: given, venueArgs, beside })
  const { system, venue } = recording
  try {
    await untilProved(recording, markets)
  } catch (error) {
    await recording[Symbol.asyncDispose]()
    throw error
  }
  say(`${markets} markets are recorded and proved after ${((performance.now() - startMs) / 1_000).toFixed(1)} s`)
  const processes = (): Process[] => [
    ...processesOf(system),
    ...extras.map(({ pid }, at) => ({ name: `normalizer ${at + 2}`, pid })),
    { name: 'emulator', pid: venue.pid },
  ]
  return {
    recording,
    processes,
    setRate: async (rate) => void (await venue.post('rate', { rate })),
    look: () => takeLook(system, processes()),
    [Symbol.asyncDispose]: async () => {
      for (const line of complaintsOf(system)) say(line)
      await recording[Symbol.asyncDispose]()
    },
  }
}
