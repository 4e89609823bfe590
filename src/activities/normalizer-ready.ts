import { marketOfStream, MARKETS_STREAM, TRADES_STREAM } from '../domain/keys.ts'
import type { Reader } from '../stream/read.ts'
import { READY_AT_ONCE } from '../stream/ready-wait.ts'

const WAIT_SECONDS = 0.5

/** What is new of markets comes first: a trade whose market is not known is a dead letter. */
export const readableOf = (due: ReadonlySet<string>, isSharedHeld: boolean): string[] => {
  const all = isSharedHeld ? [...due].filter((stream) => marketOfStream(stream) !== undefined) : [...due]
  return due.has(MARKETS_STREAM) ? all.filter((stream) => stream !== TRADES_STREAM) : all
}

type Answer = { nowMs: number; names: string[] }

/**
 * Asks which streams of a shard have news, and knows up to when the answers are whole: what was appended before that
 * instant is in a stream that was named. Names go as they are read, so that those of a lost answer are known to no one
 * until all streams were looked at.
 */
export const createReady = (reader: Pick<Reader, 'popReady' | 'waitReady'>) => {
  let askedTimeMs = 0
  let [lostCount, madeGoodCount] = [0, 0]
  const lose = (): void => void (lostCount += 1)
  let ahead: Promise<Answer> | undefined
  let named: string[] = []
  const ask = async (isIdle: boolean): Promise<Answer> => {
    const nowMs = Date.now()
    const asking = isIdle ? reader.waitReady(WAIT_SECONDS) : reader.popReady()
    asking.catch(lose)
    return { nowMs, names: await asking }
  }
  return {
    take: async (isIdle: boolean): Promise<string[]> => {
      const asking = ahead ?? ask(isIdle)
      ahead = undefined
      const answer = await asking
      named = []
      if (answer.names.length < READY_AT_ONCE) askedTimeMs = answer.nowMs
      return answer.names
    },

    /** Asks for what is taken next, while what was read is applied: its answer costs no turn of its own then. */
    askAhead: (): void => {
      ahead ??= ask(false)
      ahead.then(({ names }) => (named = names)).catch(() => undefined)
    },

    /** Names that were asked for ahead and are not taken. */
    get named(): string[] {
      return named
    },

    /** A question may have been asked again on another connection: the names of its first answer are lost. */
    lose,

    /** How often names were lost until now. */
    get lostCount(): number {
      return lostCount
    },

    /** All streams were named after that many losses. */
    foundAll: (count: number): void => void (madeGoodCount = count),

    /** Undefined while nothing is known. */
    get wholeUntilMs(): number | undefined {
      return lostCount > madeGoodCount || askedTimeMs === 0 ? undefined : askedTimeMs
    },
  }
}
