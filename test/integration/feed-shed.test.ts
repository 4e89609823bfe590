import { expect, test } from 'vitest'
import { DESIRED_CHANNEL, orderbookStream, SHED_KEY } from '../../src/domain/keys.ts'
import type { Frame, Marker } from '../../src/domain/frame.ts'
import { shedText, type ShedTier } from '../../src/domain/shed.ts'
import { breaksOf, framesOf, openBench, readStream, until, type Bench } from './feed-support.ts'

const LEVELS = 3
let generation = 0

const turn = async ({ redis }: Bench, tier: ShedTier): Promise<void> => {
  await redis.set(SHED_KEY, shedText({ tier, levels: LEVELS, generation: ++generation }))
  await redis.publish(DESIRED_CHANNEL, '*')
}

const framesIn = async ({ redis }: Bench, marketId: string): Promise<Frame[]> =>
  framesOf(await readStream(redis, orderbookStream(marketId)))

type Told = Extract<Marker, { type: 'depth' }>

const toldIn = (frames: Frame[]): Told[] =>
  frames
    .filter(({ kind }) => kind === 'marker')
    .map(({ text }) => JSON.parse(text) as Marker)
    .filter((marker) => marker.type === 'depth')

const lastTold = async (bench: Bench, marketId: string): Promise<Told | undefined> =>
  toldIn(await framesIn(bench, marketId)).at(-1)

const typesAfter = (frames: Frame[], isStart: (told: Told) => boolean): string[] => {
  const start = frames.findIndex((frame) => toldIn([frame]).some(isStart))
  return frames
    .slice(start + 1)
    .map(({ kind, text }) =>
      kind === 'marker' || kind === 'rest' ? kind : (/"event_type":"(\w+)"/.exec(text)?.[1] ?? ''),
    )
}

test('what is shed is said in each stream in turn, and of a market that is paused nothing is', async () => {
  await using bench = await openBench({ marketCount: 2 })
  const [one = '', paused = ''] = bench.marketIds
  await bench.desire([paused], 'paused')
  await bench.desire([one], 'active', 5)
  await bench.confirmed([one], 'active')
  await turn(bench, 1)
  await until('the tier is said', async () => (await lastTold(bench, one))?.tier === 1)
  expect((await lastTold(bench, one))?.levels).toBe(LEVELS)
  await turn(bench, 0)
  await until('the depth is back', async () => (await lastTold(bench, one))?.levels === 5)
  expect(await lastTold(bench, one)).toEqual({ type: 'depth', levels: 5 })
  expect(toldIn(await framesIn(bench, paused)).every(({ tier }) => tier === undefined)).toBe(true)
})

test('a copy that is missing or older turns nothing', async () => {
  await using bench = await openBench({ marketCount: 1 })
  const [one = ''] = bench.marketIds
  await bench.desire([one], 'active')
  await bench.confirmed([one], 'active')
  await turn(bench, 2)
  await until('the tier is said', async () => (await lastTold(bench, one))?.tier === 2)
  await bench.redis.set(SHED_KEY, shedText({ tier: 0, levels: LEVELS, generation: generation - 1 }))
  await bench.redis.publish(DESIRED_CHANNEL, '*')
  await bench.redis.del(SHED_KEY)
  await bench.desire([one], 'active', 1)
  await until('the reading came', async () => (await lastTold(bench, one))?.levels === 1)
  expect((await lastTold(bench, one))?.tier).toBe(2)
})

test('trades alone: frames of books are not appended, nothing is missing in the stream, and REST brings the books back', async () => {
  await using bench = await openBench({ marketCount: 2 })
  const [one = ''] = bench.marketIds
  await bench.desire(bench.marketIds, 'active')
  await bench.confirmed(bench.marketIds, 'active')
  bench.emulator.step(40)
  await turn(bench, 3)
  await until('the tier is said', async () => (await lastTold(bench, one))?.tier === 3)
  const appended = (await framesIn(bench, one)).length
  const shedBefore = bench.stats.read()['framesShed'] ?? 0
  bench.emulator.step(400)
  await until('frames are shed', () => (bench.stats.read()['framesShed'] ?? 0) > shedBefore + 100)
  const during = typesAfter(await framesIn(bench, one), ({ tier }) => tier === 3)
  expect(during.filter((type) => type !== 'last_trade_price' && type !== 'tick_size_change')).toEqual([])
  expect((await framesIn(bench, one)).length - appended).toBeLessThan(bench.stats.read()['framesShed'] ?? 0)
  await turn(bench, 0)
  await until('REST brought both books', async () => {
    const types = typesAfter(await framesIn(bench, one), ({ newest }) => newest !== undefined)
    return types.filter((type) => type === 'rest').length >= 2
  })
  const told = await lastTold(bench, one)
  expect(Object.keys(told?.newest ?? {}).length).toBeGreaterThan(0)
  bench.emulator.step(100)
  await until('changes go on', async () =>
    typesAfter(await framesIn(bench, one), ({ newest }) => newest !== undefined).includes('price_change'),
  )
  expect(breaksOf(await bench.entries())).toEqual([])
  expect(bench.stats.read()['tokensStalled'] ?? 0).toBe(0)
})

test('a new connection says first what is shed, and sheds from its first frame', async () => {
  await using bench = await openBench({ marketCount: 1 })
  const [one = ''] = bench.marketIds
  await bench.desire([one], 'active')
  await bench.confirmed([one], 'active')
  await turn(bench, 3)
  await until('the tier is said', async () => (await lastTold(bench, one))?.tier === 3)
  bench.emulator.close({ connection: undefined, abrupt: true })
  await until('another connection', async () => toldIn(await framesIn(bench, one)).length === 3)
  bench.emulator.step(50)
  const shedBefore = bench.stats.read()['framesShed'] ?? 0
  bench.emulator.step(50)
  await until('it sheds too', () => (bench.stats.read()['framesShed'] ?? 0) > shedBefore)
  const entries = await readStream(bench.redis, orderbookStream(one))
  const last = framesOf(entries).filter(({ epoch }) => epoch === entries.at(-1)?.epoch)
  expect(toldIn(last.slice(0, 1))).toMatchObject([{ tier: 3 }])
  expect(last.some(({ text }) => text.includes('"event_type":"book"'))).toBe(false)
})
