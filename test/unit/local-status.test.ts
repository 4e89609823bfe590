import { describe, expect, it } from 'vitest'
import { rateOf, type Sample } from '../../src/local/figures.ts'
import { parseStartOptions } from '../../src/local/options.ts'
import { statusBlock, statusLine } from '../../src/local/status-text.ts'

const sample = (atTimeMs: number, feeds: Record<string, Record<string, number>>): Sample => ({
  atTimeMs,
  quoteKey: undefined,
  instances: new Map(
    Object.entries(feeds).map(([pid, figures]) => [
      `stats:feed:host:${pid}`,
      { role: 'feed', figures, publishedTimeMs: atTimeMs },
    ]),
  ),
})

describe('rates', () => {
  it('are differences of counters over the time between two looks', () => {
    const before = sample(1_000, { 1: { frames: 100 }, 2: { frames: 50 } })
    expect(rateOf(sample(3_000, { 1: { frames: 300 }, 2: { frames: 250 } }), before, 'feed', 'frames')).toBe(200)
  })

  it('count a restarted role from nothing and never go below zero', () => {
    const before = sample(1_000, { 1: { frames: 5_000 } })
    const restarted = sample(2_000, { 7: { frames: 30, startedTimeMs: 1_500 } })
    expect(rateOf(restarted, before, 'feed', 'frames')).toBe(30)
    expect(rateOf(sample(2_000, { 1: { frames: 40 } }), before, 'feed', 'frames')).toBe(40)
  })

  it('are unknown until there are two looks, or no such role', () => {
    expect(rateOf(sample(1, { 1: { frames: 1 } }), undefined, 'feed', 'frames')).toBeUndefined()
    expect(rateOf(sample(2, {}), sample(1, {}), 'feed', 'frames')).toBeUndefined()
  })
})

describe('the status', () => {
  const now = sample(2_000, { 1: { frames: 300, tokensWanted: 100, tokensSubscribed: 98, newestFrameTimeMs: 1_990 } })
  const before = sample(1_000, { 1: { frames: 100 } })
  const shown = { now, before, kept: [], venue: 'emulator', startedTimeMs: 0, nowTimeMs: 2_000 }

  it('is one line with a dash for what no role has said', () => {
    const line = statusLine(shown)
    expect(line).toContain('tokens 100 wanted, 98 subscribed, – with a book')
    expect(line).toContain('200 frames/s, – rows/s, newest 10 ms ago')
    expect(line).not.toContain('\n')
  })

  it('says what is shed, and nothing of it while all is recorded', () => {
    const control = (costTier: number): Sample => ({
      ...now,
      instances: new Map([
        ['stats:control:host:1', { role: 'control', figures: { costTier }, publishedTimeMs: 2_000 }],
      ]),
    })
    expect(statusLine({ ...shown, now: control(2) })).toContain(
      'OVER COST_BUDGET, tier 2: quotes and trades alone are kept',
    )
    expect(statusBlock({ ...shown, now: control(1) }, 200).join()).toContain('tier 1')
    expect(statusLine({ ...shown, now: control(0) })).not.toContain('COST_BUDGET')
  })

  it('adds the rows that Postgres refused to the dead letters, which are counted apart', () => {
    const figures = { deadLetters: 2, rowsRefused: 3 }
    const instances = new Map([['stats:normalizer:host:1', { role: 'normalizer', figures, publishedTimeMs: 2_000 }]])
    expect(statusBlock({ ...shown, now: { ...now, instances } }, 200).join()).toContain('dead letters 5')
  })

  it('is never wider than the terminal', () => {
    for (const columns of [40, 80, 200]) {
      expect(statusBlock(shown, columns).every((line) => line.length < columns)).toBe(true)
    }
  })
})

describe('options of npm start', () => {
  it('default to the live venue and leave the number of markets to the environment', () => {
    expect(parseStartOptions([])).toMatchObject({ venue: { type: 'live' }, top: undefined, markets: '', speed: 1 })
  })

  it('take a replay file and its speed', () => {
    const options = parseStartOptions(['--venue', 'replay:a b.jsonl', '--speed=0'])
    expect(options).toMatchObject({ venue: { type: 'replay', file: 'a b.jsonl' }, speed: 0 })
  })

  it('are refused with a reason when they do not fit', () => {
    expect(() => parseStartOptions(['--tpo', '5'])).toThrow('--tpo')
    expect(() => parseStartOptions(['--top', 'x'])).toThrow('--top takes a number of at least 1, not "x"')
    expect(() => parseStartOptions(['--top', '1.5'])).toThrow('whole number')
    expect(() => parseStartOptions(['--venue', 'mars'])).toThrow('live, emulator or replay:<file>')
    expect(() => parseStartOptions(['extra'])).toThrow()
  })
})
