import type { Catalogue } from './catalogue.ts'
import type { Connection, Counts } from './connection.ts'
import type { VenueToken } from './market.ts'
import type { Outbox } from './outbox.ts'
import { findLastTradePrice, playMessages, tradesOf, type ReplayEffect } from './replay-books.ts'
import { catalogueOf } from './replay-catalogue.ts'
import { readReplayFile, type ReplayFrame, type SkippedLine } from './replay-file.ts'
import { readMessages, tokensOf, type ReplayMessages } from './replay-message.ts'
import type { TradeLedger } from './trade-ledger.ts'

/** `framesSent` counts frames played to at least one connection. */
export type ReplayProgress = { done: boolean; framesSent: number; frameCount: number; skipped: SkippedLine[] }

export type Replay = {
  readonly catalogue: Catalogue
  /** To be called when subscriptions changed: the first one starts the play. */
  refresh(): void
  /** The file's time of the last frame, as the prefix of a text. */
  clockText(): string
  prepare(token: VenueToken): void
  progress(): ReplayProgress
  pause(): void
  resume(): void
  stop(): void
}

export type ReplayOptions = {
  path: string
  /** Times the file's own pace; 0 is as fast as it goes. */
  speed: number
  connections: Set<Connection>
  outbox: Outbox
  ledger: TradeLedger
}

/** Waits so long for the rest of the tokens once one is subscribed. */
const GATHER_MS = 1_000
const FULL_SPEED_FRAMES = 64
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024

const addTo = (counts: Counts, add: Partial<Counts>): void => {
  counts.snapshots += add.snapshots ?? 0
  counts.snapshotRows += add.snapshotRows ?? 0
  counts.changed += add.changed ?? 0
  counts.unchanged += add.unchanged ?? 0
  counts.books += add.books ?? 0
  counts.differenceRows += add.differenceRows ?? 0
  counts.trades += add.trades ?? 0
}

/** The frame as recorded; of a dump only the books that the connection asked for, as the venue would have sent it. */
const textFor = (connection: Connection, frame: ReplayFrame, { isArray, messages }: ReplayMessages): string => {
  const isWanted = (token: string): boolean => connection.isSubscribedTo(token)
  if (!isArray || messages.flatMap(tokensOf).every(isWanted)) return frame.text
  return `${JSON.stringify(messages.filter((message) => tokensOf(message).some(isWanted)))}\n`
}

/** Sends a frame to the connections that hear it (all, when it names no token). Returns how many. */
const sendFrame = (
  options: ReplayOptions,
  frame: ReplayFrame,
  parsed: ReplayMessages,
  effects: ReplayEffect[],
): number => {
  const tokens = parsed.messages.flatMap(tokensOf)
  let sentCount = 0
  for (const connection of options.connections) {
    if (tokens.length > 0 && !tokens.some((token) => connection.isSubscribedTo(token))) continue
    const prefix = connection.isReplayClock ? `${frame.receivedTimeMs} ` : ''
    options.outbox.send(connection, prefix + textFor(connection, frame, parsed), tokens)
    sentCount++
    for (const { token, add } of effects) {
      const subscription = connection.subscriptions.get(token.token)
      if (subscription?.isActive === true) addTo(subscription.counts, add)
    }
  }
  return sentCount
}

/** Idle until a token is subscribed, then plays once through; paused or stopped from outside. */
const createPlayer = (
  speed: number,
  frames: ReplayFrame[],
  playOne: (frame: ReplayFrame) => void,
  isCongested: () => boolean,
) => {
  let at = 0
  let timer: NodeJS.Timeout | undefined
  let isPaused = false
  /** `performance.now()` at which the file's first frame is due. */
  let originMs = 0
  const firstMs = frames[0]?.receivedTimeMs ?? 0
  const dueMs = (frame: ReplayFrame): number =>
    speed === 0 ? 0 : originMs + Math.max(frame.receivedTimeMs - firstMs, 0) / speed
  const run = (): void => {
    for (let count = 0; count < FULL_SPEED_FRAMES && !isCongested(); count++) {
      const frame = frames[at]
      if (frame === undefined || dueMs(frame) > performance.now()) break
      at++
      playOne(frame)
    }
    plan()
  }
  const plan = (): void => {
    const frame = frames[at]
    if (frame === undefined || isPaused) return
    const waitMs = isCongested() ? 5 : Math.max(dueMs(frame) - performance.now(), 0)
    timer = setTimeout(run, Math.min(waitMs, 1_000_000))
  }
  return {
    position: () => at,
    start: () => {
      originMs = performance.now()
      plan()
    },
    pause: () => {
      clearTimeout(timer)
      isPaused = true
    },
    resume: () => {
      if (!isPaused) return
      isPaused = false
      const next = frames[at]
      if (next !== undefined && speed > 0)
        originMs = performance.now() - Math.max(next.receivedTimeMs - firstMs, 0) / speed
      plan()
    },
  }
}

/** @throws Error when the file cannot be read. */
export const createReplay = async (options: ReplayOptions): Promise<Replay> => {
  const { frames, skipped } = await readReplayFile(options.path)
  const catalogue = catalogueOf(frames)
  let framesSent = 0
  let clock = ''
  let start: NodeJS.Timeout | undefined
  let isStarted = false
  const isCongested = (): boolean => [...options.connections].some((one) => one.bufferedBytes > MAX_BUFFERED_BYTES)
  const playOne = (frame: ReplayFrame): void => {
    const parsed = readMessages(frame.text)
    const effects = playMessages(catalogue, parsed)
    clock = `${frame.receivedTimeMs} `
    const sentCount = sendFrame(options, frame, parsed, effects)
    const { ledger } = options
    for (const trade of tradesOf(catalogue, parsed.messages, sentCount)) {
      ledger.record({ ...trade, wallet: ledger.wallet() }, ledger.fate())
    }
    if (sentCount > 0) framesSent++
  }
  const player = createPlayer(options.speed, frames, playOne, isCongested)
  const begin = (): void => {
    clearTimeout(start)
    if (!isStarted) player.start()
    isStarted = true
  }
  return {
    catalogue,
    refresh: () => {
      if (isStarted) return
      const tokens = catalogue.markets.flatMap((market) => market.tokens)
      const isHeard = (token: string): boolean => [...options.connections].some((one) => one.isSubscribedTo(token))
      // Not at once: the answer to the frame that is being read comes first.
      if (tokens.every(({ token }) => isHeard(token))) setImmediate(begin)
      else if (tokens.some(({ token }) => isHeard(token))) start ??= setTimeout(begin, GATHER_MS)
    },
    clockText: () => clock,
    prepare: findLastTradePrice,
    progress: () => {
      return { done: player.position() >= frames.length, framesSent, frameCount: frames.length, skipped }
    },
    pause: player.pause,
    resume: player.resume,
    stop: () => {
      clearTimeout(start)
      player.pause()
    },
  }
}
