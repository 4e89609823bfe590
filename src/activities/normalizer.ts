import { hostname } from 'node:os'
import { ApplicationFailure, Context } from '@temporalio/activity'
import { createHotCache, CacheFenceLost } from '../cache/hot-cache.ts'
import { createSeen } from '../dedup/seen.ts'
import { every } from '../lib/every.ts'
import { createCommitter } from '../store/commit.ts'
import { assertOwner, FenceLost, takeOwnership } from '../store/fence.ts'
import { cancellation, isLost } from './lost.ts'
import { withoutCopies } from './normalizer-dedup.ts'
import { createRecords } from './normalizer-figures.ts'
import { runShard } from './normalizer-run.ts'
import type { NormalizerDeps } from './normalizer-deps.ts'

export type { NormalizerDeps } from './normalizer-deps.ts'

const HEARTBEAT_EVERY_MS = 1_000
/** A new attempt is started within 10 s of the server's return: workers that could not reach it ask no less often. */
const ORPHAN_LIFE_MS = 15_000

const workflowOf = ({ workflowExecution }: Context['info']): string => workflowExecution?.workflowId ?? 'none'

/** A fault of our own is not tried again four times a second, as the loss of a worker is. */
const toFailure = (cause: unknown): unknown => {
  if (cause instanceof FenceLost || cause instanceof CacheFenceLost) {
    return ApplicationFailure.create({ message: cause.message, type: 'FenceLost', nonRetryable: true, cause })
  }
  return cause instanceof Error
    ? ApplicationFailure.create({ message: cause.message, nextRetryDelay: '1s', cause })
    : cause
}

/** Takes a shard over, continues from its committed offsets, and runs until the signal aborts or another takes it. */
const createOwning = (deps: NormalizerDeps) => {
  const records = createRecords(deps.stats)
  const own = async (shard: number, info: Context['info'], signal: AbortSignal): Promise<void> => {
    // Two copies by mistake can be two workflows on one worker: the process alone would not tell them apart.
    const owner = await takeOwnership(deps.pool, shard, `${hostname()}:${process.pid}, workflow ${workflowOf(info)}`)
    deps.log.info({ shard, writer: owner.writer }, 'took over a shard')
    const { redis, pool, stats, log, config, dedupAnswerMs } = deps
    const seen = createSeen({ redis, stats, now: Date.now, answerMs: dedupAnswerMs })
    const write = withoutCopies(createCommitter({ pool, owner, stats, log, config }), { seen, pool, stats })
    const cache = createHotCache({ redis, ownerEpoch: owner.epoch })
    try {
      await runShard({ deps, shard, cache, write, records, signal })
    } catch (error) {
      // The cache only knows that there is a newer owner; Postgres knows who.
      if (error instanceof CacheFenceLost) await assertOwner(deps.pool, owner)
      throw error
    }
  }
  return async (shard: number, info: Context['info'], signal: AbortSignal): Promise<void> => {
    try {
      await own(shard, info, signal)
    } catch (error) {
      deps.log.error({ shard, error }, 'a shard ended')
      throw toFailure(error)
    }
  }
}

export const createNormalizerActivities = (deps: NormalizerDeps) => {
  const own = createOwning(deps)
  /**
   * Lives for as long as its workflow. Returns when that cancels it, throws when it must run elsewhere. One that the server
   * has given up goes on until its successor has taken the shard over: no row waits for a worker to be found.
   *
   * @throws ApplicationFailure FenceLost (non-retryable) when another copy owns the shard: it says which.
   */
  const runNormalizer = async ({ shard }: { shard: number }): Promise<{ shard: number }> => {
    const context = Context.current()
    const ended = new AbortController()
    const stopping = new AbortController()
    every(HEARTBEAT_EVERY_MS, () => context.heartbeat({ shard, rows: deps.stats.read()['rows'] ?? 0 }), ended.signal)
    const owning = own(shard, context.info, stopping.signal)
    try {
      const reason = await Promise.race([cancellation(context), owning])
      if (isLost(context)) {
        owning.catch(() => undefined)
        setTimeout(() => stopping.abort(reason), ORPHAN_LIFE_MS).unref()
        throw reason
      }
      stopping.abort(reason)
      await owning
      if (context.cancellationDetails?.cancelRequested === true) return { shard }
      throw reason
    } finally {
      ended.abort()
    }
  }
  return { runNormalizer }
}
