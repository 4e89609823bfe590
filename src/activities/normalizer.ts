import { hostname } from 'node:os'
import { ApplicationFailure, Context } from '@temporalio/activity'
import { createHotCache, CacheFenceLost } from '../cache/hot-cache.ts'
import { createSeen } from '../dedup/seen.ts'
import { every } from '../lib/every.ts'
import { createCommitter } from '../store/commit.ts'
import { assertOwner, FenceLost, takeOwnership } from '../store/fence.ts'
import { withoutCopies } from './normalizer-dedup.ts'
import { runShard } from './normalizer-run.ts'
import type { NormalizerDeps } from './normalizer-deps.ts'

export type { NormalizerDeps } from './normalizer-deps.ts'

const HEARTBEAT_EVERY_MS = 1_000

const workflowOf = ({ workflowExecution }: Context['info']): string => workflowExecution?.workflowId ?? 'none'

const toFailure = (error: unknown): unknown => {
  if (error instanceof FenceLost || error instanceof CacheFenceLost) {
    return ApplicationFailure.create({ message: error.message, type: 'FenceLost', nonRetryable: true, cause: error })
  }
  return error
}

/** The activity that owns a shard: takes it over, continues from its committed offsets, and runs until it is ended. */
export const createNormalizerActivities = (deps: NormalizerDeps) => {
  const own = async (shard: number, { info, cancellationSignal: signal }: Context): Promise<void> => {
    // Two copies by mistake can be two workflows on one worker: the process alone would not tell them apart.
    const owner = await takeOwnership(deps.pool, shard, `${hostname()}:${process.pid}, workflow ${workflowOf(info)}`)
    deps.log.info({ shard, writer: owner.writer }, 'took over a shard')
    const { redis, pool, stats, log } = deps
    const seen = createSeen({ redis, stats, now: Date.now })
    const write = withoutCopies(createCommitter({ pool, owner, stats, log }), { seen, pool, stats })
    const cache = createHotCache({ redis, ownerEpoch: owner.epoch })
    try {
      await runShard({ deps, shard, cache, write, signal })
    } catch (error) {
      // The cache only knows that there is a newer owner; Postgres knows who.
      if (error instanceof CacheFenceLost) await assertOwner(deps.pool, owner)
      throw error
    }
  }

  /**
   * Lives for as long as its workflow. Returns when that cancels it, throws when it must run elsewhere.
   *
   * @throws ApplicationFailure FenceLost (non-retryable) when another copy owns the shard: it says which.
   */
  const runNormalizer = async ({ shard }: { shard: number }): Promise<{ shard: number }> => {
    const context = Context.current()
    const ended = new AbortController()
    every(HEARTBEAT_EVERY_MS, () => context.heartbeat({ shard, rows: deps.stats.read()['rows'] ?? 0 }), ended.signal)
    try {
      await own(shard, context)
    } catch (error) {
      deps.log.error({ shard, error }, 'a shard ended')
      throw toFailure(error)
    } finally {
      ended.abort()
    }
    if (context.cancellationDetails?.cancelRequested === true) return { shard }
    return context.cancelled
  }
  return { runNormalizer }
}
