import { setTimeout as sleep } from 'node:timers/promises'
import { marketOfStream, orderbookStream, quoteKey } from '../../src/domain/keys.ts'
import type { StreamEntry } from '../../src/domain/frame.ts'
import { decodeEntry } from '../../src/stream/entry.ts'
import { signing, type Bench } from './feed-support.ts'

type State = { epoch: string; lastId: string; applied: Map<string, string> }
type Change = { asset_id: string; timestamp?: string; hash?: string }

const changesOf = (text: string): Change[] => {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null) return []
  const message = value as Change & { price_changes?: Change[]; event_type?: string }
  if (message.price_changes !== undefined) {
    return message.price_changes.map((one) => ({ ...one, timestamp: message.timestamp ?? '' }))
  }
  return message.event_type === undefined || message.event_type === 'book' ? [message] : []
}

const apply = (state: State, entry: StreamEntry): void => {
  if (entry.epoch < state.epoch) return
  state.epoch = entry.epoch
  for (const { kind, text } of entry.frames) {
    if (kind === 'marker') continue
    for (const { asset_id: token, timestamp = '', hash = '' } of changesOf(text)) {
      // A book that is followed is not replaced by REST.
      if (kind === 'rest' && state.applied.has(token)) continue
      if (Number(timestamp) >= Number(state.applied.get(token)?.split(':')[0] ?? 0)) {
        state.applied.set(token, `${timestamp}:${hash}`)
      }
    }
  }
}

/** In the normalizer's stead: reads the streams by its rule of epochs and writes `applied` and `epoch` of the quotes. */
export const openApplied = (bench: Bench): AsyncDisposable & { pause(): void; resume(): void } => {
  const redis = bench.connect()
  const states = new Map<string, State>()
  let [isPaused, isEnded] = [false, false]
  const readOne = async (marketId: string): Promise<void> => {
    const stream = orderbookStream(marketId)
    const state = states.get(marketId) ?? { epoch: '', lastId: '0-0', applied: new Map() }
    states.set(marketId, state)
    const raw = await redis.xrange(stream, `(${state.lastId}`, '+')
    for (const one of raw) {
      const decoded = decodeEntry(stream, one, signing)
      if (decoded.type === 'entry') apply(state, decoded.entry)
      state.lastId = one[0]
    }
    if (raw.length === 0) return
    const tokens = bench.emulator.catalogue.byKey({ marketId: marketOfStream(stream) ?? '' })?.tokens ?? []
    const applied = tokens.map(({ token }) => state.applied.get(token) ?? ':').join(' ')
    await redis.hset(quoteKey(marketId), { applied, epoch: state.epoch })
  }
  const run = async (): Promise<void> => {
    while (!isEnded) {
      if (!isPaused) for (const marketId of bench.marketIds) await readOne(marketId)
      await sleep(50)
    }
  }
  const running = run()
  return {
    pause: () => void (isPaused = true),
    resume: () => void (isPaused = false),
    [Symbol.asyncDispose]: async () => {
      isEnded = true
      await running
    },
  }
}
