import type { Ledger } from '../../../src/emulator/ledger.ts'
import { openSockets } from '../recording.ts'
import type { VenueProcess } from '../venue-process.ts'
import type { Dice } from './dice.ts'

export type FaultKind =
  | 'drop'
  | 'duplicate'
  | 'swap'
  | 'close'
  | 'abort'
  | 'withhold'
  | 'tick_size'
  | 'rest_status'
  | 'rest_stale'
  | 'mute'
  | 'restart'

const MUTED_MS = 40_000
const RESTART_MS = 3_000

/** How often each comes. A lost connection touches all its tokens, so it must be rare among faults of one token. */
export const WEIGHTS: readonly (readonly [weight: number, kind: FaultKind])[] = [
  [34, 'drop'],
  [14, 'duplicate'],
  [20, 'swap'],
  [2, 'close'],
  [2, 'abort'],
  [2, 'withhold'],
  [6, 'tick_size'],
  [9, 'rest_status'],
  [7, 'rest_stale'],
  [3, 'mute'],
]

export type Injector = {
  /** False when there was nothing to do it to. */
  inject: (kind: FaultKind) => Promise<boolean>
  /** Ends what lasts: muted tokens are heard again. */
  relent: () => Promise<void>
}

type Targets = { tokens: string[]; connections: () => Promise<Ledger['connections']> }

/** Does one fault at a time to the venue, on what the dice choose. */
export const createInjector = (venue: VenueProcess, dice: Dice, { tokens, connections }: Targets): Injector => {
  const muted = new Map<string, NodeJS.Timeout>()
  const unmute = async (token: string): Promise<void> => {
    clearTimeout(muted.get(token))
    muted.delete(token)
    await venue.post('mute', { token, muted: false })
  }
  const findOpen = async () => openSockets({ connections: await connections() })
  const pickConnection = async (): Promise<Ledger['connections'][number] | undefined> => {
    const open = await findOpen()
    return open.length === 0 ? undefined : dice.pick(open)
  }
  const close = async (abrupt: boolean): Promise<number> => {
    const connection = await pickConnection()
    return connection === undefined ? 0 : venue.post('close', { connection: connection.id, abrupt })
  }
  const withhold = async (): Promise<number> => {
    const some = Array.from({ length: 1 + dice.below(3) }, () => dice.pick(tokens))
    await venue.post('withhold-snapshots', { tokens: [...new Set(some)] })
    return close(true)
  }
  const mute = async (): Promise<number> => {
    const token = dice.pick(tokens)
    if (muted.has(token)) return 0
    muted.set(
      token,
      setTimeout(() => void unmute(token), MUTED_MS),
    )
    return venue.post('mute', { token })
  }
  const disturb = (kind: 'drop' | 'duplicate' | 'swap'): Promise<number> =>
    venue.post(`${kind}-next`, { token: dice.pick(tokens), count: 1 + (dice.below(4) === 0 ? 1 : 0) })
  const acts: Record<FaultKind, () => Promise<number>> = {
    drop: () => disturb('drop'),
    duplicate: () => disturb('duplicate'),
    swap: () => disturb('swap'),
    close: () => close(false),
    abort: () => close(true),
    withhold,
    tick_size: () => venue.post('tick-size', { token: dice.pick(tokens), tickSize: dice.pick(['0.01', '0.001']) }),
    rest_status: () => venue.post('rest-fault', { status: dice.pick([429, 425, 500]), count: 1 + dice.below(3) }),
    rest_stale: () => venue.post('rest-fault', { stale: true, tokens: [dice.pick(tokens)], count: 1 + dice.below(2) }),
    mute,
    // While no socket is open it would only last longer, again and again.
    restart: async () => ((await findOpen()).length === 0 ? 0 : venue.post('restart', { durationMs: RESTART_MS })),
  }
  return {
    inject: async (kind) => (await acts[kind]()) > 0,
    relent: async () => {
      for (const token of muted.keys()) await unmute(token)
    },
  }
}
