import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect } from 'vitest'

const TRIES = 3
/** What the start of an empty node takes on a calm machine. */
const CALM_START_MS = 50
/** A machine that is slower than this is no excuse: what is promised would be none. */
const SLOWEST = 3

/** How long it takes. */
export const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const startedTimeMs = Date.now()
  await work()
  return Date.now() - startedTimeMs
}

const startNode = (): Promise<number> =>
  timed(() => once(spawn(process.execPath, ['-e', ''], { stdio: 'ignore' }), 'exit'))

/** How many times slower than a calm machine this one is at the moment: 1 to 3, by the quicker of two starts of a node. */
export const slowness = async (): Promise<number> => {
  const tookMs = Math.min(await startNode(), await startNode())
  return Math.min(SLOWEST, Math.max(1, tookMs / CALM_START_MS))
}

type Try = { tookMs: number; allowedMs: number }

/**
 * Demands a bound on time that the product promises. A machine that stands still for a moment makes anything slow once, a
 * slow product is slow each time: what took longer is measured again, and one try within the bound is enough. On a machine
 * that is slow throughout, what the work itself may take grows by as much as an empty process takes longer there than on a
 * calm one, three times at most; `fixedMs`, of timers that are no work, stay.
 */
export const expectWithin = async (
  what: string,
  withinMs: number,
  measureMs: (attempt: number) => Promise<number>,
  { fixedMs = 0 } = {},
): Promise<void> => {
  const tries: Try[] = []
  const isWithin = (): boolean => tries.some(({ tookMs, allowedMs }) => tookMs < allowedMs)
  while (tries.length < TRIES && !isWithin()) {
    const before = await slowness()
    const tookMs = await measureMs(tries.length)
    const factor = Math.min(before, await slowness())
    tries.push({ tookMs, allowedMs: Math.round(fixedMs + (withinMs - fixedMs) * factor) })
  }
  const told = tries.map(({ tookMs, allowedMs }) => `${tookMs} of ${allowedMs}`).join(', ')
  console.log(`${what}: ${told} ms (${withinMs} ms on a calm machine)`)
  expect(isWithin(), `${what} took ${told} ms`).toBe(true)
}
