import { setTimeout as sleep } from 'node:timers/promises'
import type { Pool } from 'pg'
import type { Frame } from '../domain/frame.ts'
import { marketOfStream, MARKETS_STREAM } from '../domain/keys.ts'
import type { ReprocessText } from '../normalizer/reprocess.ts'
import {
  readClock,
  readDeadLetters,
  readSettled,
  type DeadLetterFilter,
  type StoredDeadLetter,
} from '../store/dead-letters.ts'
import { findMarkets, findUpdates } from '../store/market-names.ts'
import { createEpoch, type Appender } from '../stream/append.ts'
import type { NewEntry, SigningKeys } from '../stream/entry.ts'
import { parseGammaMarket } from '../venue/polymarket/gamma-market.ts'
import { namesIn, openLetter, streamOf, type Opened, type Text } from './reprocess-route.ts'

/** `planned`: a dry run. `refused`: was not fed. `waiting`: no normalizer has committed it yet. */
export type ReprocessResult = {
  letter: StoredDeadLetter
  result: 'applied' | 'stale' | 'rejected' | 'refused' | 'planned' | 'waiting'
  detail: string
}

export type ReprocessOptions = Omit<DeadLetterFilter, 'afterId'> & {
  isDryRun: boolean
  /** Apply entries whose signature is bad: someone has looked at them. */
  isTrusted: boolean
  waitMs: number
}

export type ReprocessDeps = { pool: Pool; appender: Appender; signing: SigningKeys }

type Addressed = { letter: StoredDeadLetter; stream: string; frames: Frame[] }

const PAGE = 200
const FRAMES_PER_ENTRY = 25
const LOOK_EVERY_MS = 100

const toFrame = (letter: StoredDeadLetter, { raw, copy }: Text, isSuperseded: boolean): Frame => {
  const { deadLetterId, firstSeenTimeMs } = letter
  const text: ReprocessText = { deadLetterId, copy, isSuperseded, raw }
  return {
    kind: 'reprocess',
    receivedTimeMs: firstSeenTimeMs,
    sourceReceivedTimeMs: undefined,
    text: JSON.stringify(text),
  }
}

const catalogueIdOf = (text: string): string => {
  const parsed = parseGammaMarket(text)
  return parsed.type === 'market' ? parsed.market.marketId : ''
}

type Known = { marketIds: ReadonlyMap<string, string>; updates: ReadonlyMap<string, number> }

/** Where each text goes: an entry of several frames may have to be divided among streams. */
const address = (letter: StoredDeadLetter, texts: Text[], { marketIds, updates }: Known): Addressed[] => {
  const byStream = new Map<string, Frame[]>()
  for (const text of texts) {
    const stream = streamOf(letter, text.raw, marketIds)
    const updatedTimeMs = stream === MARKETS_STREAM ? updates.get(catalogueIdOf(text.raw)) : undefined
    const frame = toFrame(letter, text, updatedTimeMs !== undefined && updatedTimeMs > letter.firstSeenTimeMs)
    byStream.set(stream, [...(byStream.get(stream) ?? []), frame])
  }
  return [...byStream].map(([stream, frames]) => ({ letter, stream, frames }))
}

const lookUp = async (pool: Pool, texts: string[], streams: string[]): Promise<Known> => {
  const marketIds = await findMarkets(pool, texts.flatMap(namesIn))
  const ids = [...streams.map((stream) => marketOfStream(stream) ?? ''), ...marketIds.values()]
  return { marketIds, updates: await findUpdates(pool, [...ids, ...texts.map(catalogueIdOf)]) }
}

type Plan = { addressed: Addressed[]; refused: ReprocessResult[] }

const plan = async (
  { pool, signing }: ReprocessDeps,
  letters: StoredDeadLetter[],
  isTrusted: boolean,
): Promise<Plan> => {
  const opened = letters.map((letter): [StoredDeadLetter, Opened] => [letter, openLetter(letter, signing, isTrusted)])
  const texts = opened.flatMap(([, one]) => (one.type === 'texts' ? one.texts.map(({ raw }) => raw) : []))
  const known = await lookUp(
    pool,
    texts,
    letters.map((letter) => letter.stream),
  )
  const result: Plan = { addressed: [], refused: [] }
  for (const [letter, one] of opened) {
    const parts = one.type === 'texts' ? address(letter, one.texts, known) : []
    const homeless = parts
      .map(({ stream }) => marketOfStream(stream) ?? '')
      .find((id) => id !== '' && !known.updates.has(id))
    if (one.type === 'refused') result.refused.push({ letter, result: 'refused', detail: one.detail })
    else if (homeless === undefined) result.addressed.push(...parts)
    else result.refused.push({ letter, result: 'refused', detail: `market ${homeless} is not in Postgres yet` })
  }
  return result
}

const toEntries = (addressed: Addressed[], epoch: string, ordinals: Map<string, number>): NewEntry[] => {
  const byStream = new Map<string, Frame[]>()
  for (const { stream, frames } of addressed) byStream.set(stream, [...(byStream.get(stream) ?? []), ...frames])
  return [...byStream].flatMap(([stream, frames]) =>
    Array.from({ length: Math.ceil(frames.length / FRAMES_PER_ENTRY) }, (_, index): NewEntry => {
      const part = frames.slice(index * FRAMES_PER_ENTRY, (index + 1) * FRAMES_PER_ENTRY)
      const firstOrdinal = (ordinals.get(stream) ?? 0) + 1
      ordinals.set(stream, firstOrdinal + part.length - 1)
      return { stream, epoch, firstOrdinal, frames: part }
    }),
  )
}

/** Waits until the normalizer has committed what was fed; what it has not by then is `waiting`. */
const settle = async (
  pool: Pool,
  fed: StoredDeadLetter[],
  { since, waitMs }: { since: string; waitMs: number },
): Promise<ReprocessResult[]> => {
  const ids = fed.map((letter) => letter.deadLetterId)
  const deadlineMs = Date.now() + waitMs
  let settled = await readSettled(pool, ids, since)
  while (settled.size < ids.length && Date.now() < deadlineMs) {
    await sleep(LOOK_EVERY_MS)
    settled = await readSettled(pool, ids, since)
  }
  return fed.map((letter) => {
    const one = settled.get(letter.deadLetterId)
    if (one === undefined) return { letter, result: 'waiting', detail: 'fed, but no normalizer has committed it yet' }
    return {
      letter,
      result: one.result === 'applied' || one.result === 'stale' ? one.result : 'rejected',
      detail: one.detail,
    }
  })
}

/**
 * Feeds dead letters through the pipeline again, oldest first: they are appended to the streams as frames of kind
 * `reprocess`, under an epoch of their own, and it waits until the normalizer has committed what came of them. Letters
 * that were applied or found stale are not chosen again, so that a second run changes nothing.
 */
export const reprocess = async (deps: ReprocessDeps, options: ReprocessOptions): Promise<ReprocessResult[]> => {
  const { pool, appender } = deps
  const results: ReprocessResult[] = []
  const fed: StoredDeadLetter[] = []
  const since = await readClock(pool)
  const epoch = createEpoch()
  const ordinals = new Map<string, number>()
  for (let afterId = 0, left = options.limit; left > 0;) {
    const letters = await readDeadLetters(pool, { ...options, afterId, limit: Math.min(PAGE, left) })
    const { addressed, refused } = await plan(deps, letters, options.isTrusted)
    results.push(...refused)
    if (options.isDryRun) {
      results.push(
        ...addressed.map(({ letter, stream }): ReprocessResult => ({
          letter,
          result: 'planned',
          detail: `would go to ${stream}`,
        })),
      )
    } else {
      const appended = await appender.append(toEntries(addressed, epoch, ordinals))
      if (appended.type === 'behind') throw new Error('expected Redis to keep what it took, but it has lost writes')
      if (appended.refused.length > 0) throw new Error(`Redis refused: ${appended.refused.join('; ')}`)
      fed.push(...new Set(addressed.map(({ letter }) => letter)))
    }
    afterId = letters.at(-1)?.deadLetterId ?? 0
    left = letters.length < PAGE ? 0 : left - letters.length
  }
  results.push(...(await settle(pool, fed, { since, waitMs: options.waitMs })))
  return results.toSorted((left, right) => left.letter.deadLetterId - right.letter.deadLetterId)
}
