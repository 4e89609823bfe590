import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { unreadIn } from '../../src/stream/waiting.ts'
import { runPmxt } from '../support/import-run.ts'
import { addMarket, look, namesOf } from '../support/imported-market.ts'
import { openStores } from '../support/normalizer-stores.ts'
import { writePmxt, type PmxtSeen } from '../support/pmxt-file.ts'

const HOUR_MS = 3_600_000
const HOUR = Date.parse('2026-04-20T13:00:00Z')

const { database, redis } = await openStores()
const folder = await mkdtemp(join(tmpdir(), 'polytape-lost-'))
afterAll(() => rm(folder, { recursive: true }))

test('bad rows are kept with their text and the reason, and end their book until the next whole one', async () => {
  await addMarket(database.pool, '600')
  const at = (seconds: number) => ({ receivedTimeMs: HOUR + seconds * 1_000, venueTimeMs: HOUR + seconds * 1_000 - 10 })
  const book = (seconds: number, token = '600:0'): PmxtSeen => ({ ...namesOf(token), ...at(seconds), type: 'book', bids: [['0.4', '10']], asks: [] }) // prettier-ignore
  const change = (seconds: number, more: object = {}): PmxtSeen => ({ ...namesOf('600:0'), ...at(seconds), type: 'change', side: 'BUY', price: '0.41', size: '7', ...more }) // prettier-ignore
  const seen = [
    book(1, '600:1'),
    book(1),
    change(2),
    change(10, { price: '1.5' }),
    change(15),
    book(20),
    change(30, { side: 'MAYBE' }),
    book(40),
    { ...book(50), bids: 'no levels' as unknown as [] },
    book(60),
    change(65),
    change(70, { receivedTimeMs: HOUR + 9 * HOUR_MS }),
    book(80),
    book(3_599, '600:1'),
  ]
  await writePmxt(join(folder, 'bad.parquet'), 'v1', seen)
  const imported = await runPmxt({ pool: database.pool, hasUnread: unreadIn(redis) }, folder, {
    origin: join(folder, 'bad.parquet'),
    importId: 'run',
  })
  expect(imported).toMatchObject({ read: seen.length, refused: 4 })
  const { rows } = await database.pool.query<{ detail: string; raw: string }>(
    `select detail, raw from dead_letters where stream = 'import:pmxt' and reason = 'bad_import' order by ordinal`,
  )
  expect(rows.map(({ detail }) => /^row \d+ of .*bad.parquet: (.*)$/.exec(detail)?.[1])).toEqual([
    'price "1.5" is not within 0 and 1',
    'side "MAYBE" is neither BUY nor SELL',
    'levels or message are no JSON of the expected form',
    'its time is not within the hour of the file',
  ])
  expect(rows[0]?.raw).toContain('"change_price":"1.5"')
  const spans = await database.pool.query<{ begins: number; ends: number }>(
    `select extract(epoch from begins_at - $1)::int as begins, extract(epoch from ends_at - $1)::int as ends
     from imported_spans where outcome_id = '600:0' order by begins_at`,
    [new Date(HOUR).toISOString()],
  )
  expect(spans.rows.map(({ begins, ends }) => [begins, ends])).toEqual([[1, 10], [20, 30], [40, 50], [60, 65], [80, 3_600]]) // prettier-ignore
  const instants = [9, 10, 19, 20, 64, 65, 79, 80].map((seconds) => HOUR + seconds * 1_000)
  const [one, two] = [['bid', '0.400000', '10.000000'], ['bid', '0.410000', '7.000000']] // prettier-ignore
  expect((await look(database.pool, '600:0', instants)).map(({ state, levels }) => [state, levels])).toEqual([
    ['imported', [two, one]],
    ['missing', []],
    ['missing', []],
    ['imported', [one]],
    ['imported', [one]],
    ['missing', []],
    ['missing', []],
    ['imported', [one]],
  ])
  expect((await look(database.pool, '600:1', instants)).map(({ state }) => state)).toEqual(instants.map(() => 'imported')) // prettier-ignore
})
