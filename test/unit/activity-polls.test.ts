import { expect, test } from 'vitest'
import type { DataApi } from '../../src/domain/data-page.ts'
import { createActivityPolls } from '../../src/feed/trades/activity-polls.ts'
import { createKnown } from '../../src/feed/trades/known.ts'
import { createStats } from '../../src/lib/stats.ts'

const never = new AbortController().signal
const PAGE = 500
const LATE_MS = 60_000

/** Texts `<second> <condition> <name>`, newest first; pages overlap by 20. */
const openPolls = (wallets: string[], most = 100_000) => {
  const lists = new Map<string, string[]>(wallets.map((wallet) => [wallet, []]))
  const recorded = new Set(['kept'])
  const put: string[] = []
  const source: Pick<DataApi, 'activity'> = {
    activity: async ({ wallet, offset }) => {
      const elements = lists.get(wallet)?.slice(offset, offset + PAGE) ?? []
      const nextOffset = elements.length < PAGE ? undefined : offset + PAGE - 20
      return { elements, receivedTimeMs: 1e12, nextOffset, isCut: false }
    },
  }
  const poll = createActivityPolls({
    source,
    wallets,
    identify: (raw) => {
      const [second, conditionId] = raw.split(' ')
      return { key: raw, conditionId, exchangeTimeMs: Number(second) * 1_000 }
    },
    known: createKnown(most),
    outlet: { put: async (frames) => void put.push(...frames.map(({ text }) => text)) },
    readRecorded: async () => recorded,
    lateMs: LATE_MS,
    stats: createStats(),
  })
  const list = (wallet: string, ...texts: string[]): void => void lists.set(wallet, texts)
  const add = (wallet: string, ...texts: string[]): void => void lists.get(wallet)?.unshift(...texts)
  return { poll: () => poll(never), list, add, put, recorded }
}

const many = (count: number, second: number, condition: string): string[] =>
  Array.from({ length: count }, (_, at) => `${second} ${condition} ${at}`)

test('a page that concerns no recorded market does not hide what is behind it', async () => {
  const polls = openPolls(['w'])
  polls.add('w', '100 kept old')
  await polls.poll()
  polls.add('w', '101 kept new')
  polls.add('w', ...many(2 * PAGE, 102, 'other'))
  await polls.poll()
  expect(polls.put).toEqual(['{"ordinal":0,"raw":100 kept old}', '{"ordinal":0,"raw":101 kept new}'])
})

test('equal activities across the end of a page are counted whole', async () => {
  const polls = openPolls(['w'])
  polls.add('w', ...many(PAGE - 2, 100, 'kept'), ...Array.from({ length: 5 }, () => '99 kept equal'))
  await polls.poll()
  const ordinals = polls.put.flatMap((text) => /^{"ordinal":(\d+),"raw":99 kept equal}$/.exec(text)?.[1] ?? [])
  expect(ordinals).toEqual(['0', '1', '2', '3', '4'])
})

test('what many wallets did long ago is appended once, though not all of it can be known', async () => {
  const wallets = Array.from({ length: 20 }, (_, at) => `w${at}`)
  const polls = openPolls(wallets, 100)
  for (const wallet of wallets) polls.add(wallet, `10000 kept ${wallet}`, ...many(400, 100, `kept`))
  await polls.poll()
  const { length } = polls.put
  for (let round = 0; round < 3; round++) await polls.poll()
  expect(polls.put).toHaveLength(length)
  polls.add('w3', '10001 kept new')
  await polls.poll()
  expect(polls.put.slice(length)).toEqual(['{"ordinal":0,"raw":10001 kept new}'])
})

test('an activity that appears late, in its place by time, is found; so is one of a market that is recorded by then', async () => {
  const polls = openPolls(['w'])
  polls.add('w', '100 kept first', '99 other later')
  await polls.poll()
  polls.list('w', '100 kept first', '99 other later', '60 kept late')
  polls.recorded.add('other')
  await polls.poll()
  const found = ['100 kept first', '99 other later', '60 kept late'].map((raw) => `{"ordinal":0,"raw":${raw}}`)
  expect(polls.put).toEqual(found)
})
