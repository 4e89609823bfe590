import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Commits } from '../../src/activities/normalizer-commits.ts'
import { shardHeartbeat } from '../../src/activities/normalizer-heartbeat.ts'
import { readConfig } from '../../src/config.ts'
import { createStats } from '../../src/lib/stats.ts'
import { SharedTape } from '../../src/normalizer/shared-tape.ts'

const START_MS = 1_000_000_000_000

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS, toFake: ['Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const openShard = () => {
  const writes: (() => void)[] = []
  const commits = new Commits({
    config: readConfig({}),
    write: () => new Promise((resolve) => writes.push(resolve)),
    onCommitted: () => undefined,
    signal: new AbortController().signal,
  })
  const refuse = () => ({ type: 'rejected' as const, detail: '', breaksBook: false })
  const tape = new SharedTape('markets', { parseMessage: refuse, parseCatalogue: refuse, stats: createStats() })
  const pulse = { stepTimeMs: START_MS }
  const tapes = { judge: { lagMs: 0 } }
  return {
    writes,
    commits,
    tape,
    pulse,
    tapes,
    trouble: () => shardHeartbeat({ lanes: commits, tapes, pulse }, Date.now()).trouble,
  }
}

describe('a shard', () => {
  test('that reads nothing because nothing comes is well', () => {
    const { pulse, trouble } = openShard()
    vi.setSystemTime(START_MS + 600_000)
    pulse.stepTimeMs = Date.now() - 500
    expect(trouble()).toBeUndefined()
  })

  test('whose read does not return says for how long', () => {
    const { trouble } = openShard()
    vi.setSystemTime(START_MS + 31_000)
    expect(trouble()).toMatchObject({ reason: 'not_reading', forMs: 31_000 })
  })

  test('whose rows wait for Postgres says for how long the oldest waits, and is well when they are committed', async () => {
    const { commits, tape, pulse, writes, trouble } = openShard()
    const writing = async (): Promise<void> => {
      while (writes.length === 0) await sleep(1)
    }
    commits.mark([tape])
    await writing()
    vi.setSystemTime(START_MS + 20_000)
    commits.mark([tape])
    vi.setSystemTime(START_MS + 40_000)
    pulse.stepTimeMs = Date.now()
    expect(trouble()).toMatchObject({ reason: 'not_committing', forMs: 40_000 })
    writes.shift()?.()
    await writing()
    writes.shift()?.()
    await commits.settle()
    expect(trouble()).toBeUndefined()
  })

  test('that reads old frames lags by their age', () => {
    const { tapes, trouble } = openShard()
    tapes.judge.lagMs = 45_000
    expect(trouble()).toMatchObject({ reason: 'lagging', forMs: 45_000 })
  })
})
