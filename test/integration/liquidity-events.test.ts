import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { LiquidityEvent } from '../../src/domain/liquidity-event.ts'
import type { FillRow } from '../../src/normalizer/batch.ts'
import { cellsOf, createLiquidityTruth } from '../support/liquidity-truth.ts'
import { createFlow, gammaText, outcomesOf, tokensOf } from '../support/normalizer-flow.ts'
import { committed, readRows, startShard, until } from '../support/normalizer-shard.ts'
import { openStores } from '../support/normalizer-stores.ts'

const { database, redis, addresses, start, tables } = await openStores()

const CHILD = join(import.meta.dirname, '../support/normalizer-child.ts')

const spawnShard = () => {
  const { redisUrl, databaseUrl } = addresses
  return spawn(process.execPath, ['--import', 'tsx', CHILD, redisUrl, databaseUrl], { stdio: ['ignore', 'pipe', 'inherit'] }) // prettier-ignore
}

type EventRecord = {
  type: LiquidityEvent['type']
  outcome_id: string | null
  side: 'bid' | 'ask' | null
  amount: string | null
  price: string | null
  observed_at: Date
  source: LiquidityEvent['source']
  identity: string
  detail: Record<string, unknown> | null
}

const readEvents = async (marketId: string): Promise<LiquidityEvent[]> => {
  const { rows } = await database.pool.query<EventRecord>(
    'select * from liquidity_events where market_id = $1 order by observed_at, event_id',
    [marketId],
  )
  return rows.map((row) => ({
    marketId,
    type: row.type,
    observedTimeMs: row.observed_at.getTime(),
    source: row.source,
    identity: row.identity,
    ...(row.outcome_id === null ? {} : { outcomeId: row.outcome_id }),
    ...(row.side === null ? {} : { side: row.side }),
    ...(row.amount === null ? {} : { amountText: row.amount }),
    ...(row.price === null ? {} : { priceText: row.price }),
    ...(row.detail === null ? {} : { detail: row.detail }),
  }))
}
const typesOf = async (marketId: string): Promise<string[]> =>
  (await readEvents(marketId)).map(({ type }) => type).filter((type) => !type.startsWith('liquidity'))

type FillRecord = Record<'outcome_id' | 'side' | 'price' | 'size' | 'tx_hash', string> & {
  ordinal: number
  captured_at: Date
}

/** By receive time: the flow gives each trade a millisecond of its own. */
const expectTruth = async (marketId: string): Promise<Set<string>> => {
  const truth = createLiquidityTruth(outcomesOf(marketId))
  const rows = (await Promise.all(outcomesOf(marketId).map((outcomeId) => readRows(database.pool, outcomeId)))).flat()
  const fills = await database.pool.query<FillRecord>('select * from fills where market_id = $1', [marketId])
  const told = fills.rows.map((row) => ({ timeMs: row.captured_at.getTime(), tell: () => truth.fill(toFill(row)) }))
  const all = [...rows.map((row) => ({ timeMs: row.capturedTimeMs, tell: () => truth.row(row) })), ...told]
  for (const { tell } of all.toSorted((left, right) => left.timeMs - right.timeMs)) tell()
  const isNothing = ({ added, removed, traded }: Record<'added' | 'removed' | 'traded', number>): boolean =>
    added + removed + traded === 0
  expect([...truth.cells().values()].some(isNothing)).toBe(false)
  const events = await readEvents(marketId)
  expect(cellsOf(events)).toEqual(truth.cells())
  return new Set(events.map(({ type }) => type))
}

const toFill = (row: FillRecord): FillRow => ({
  marketId: '',
  outcomeId: row.outcome_id,
  side: row.side as FillRow['side'],
  priceText: row.price,
  sizeText: row.size,
  transactionHash: row.tx_hash,
  ordinal: row.ordinal,
  capturedTimeMs: row.captured_at.getTime(),
  exchangeTimeMs: 0,
  sourceReceivedTimeMs: undefined,
  epoch: '',
})

/** The query of README.md, which an analyst copies. */
const readmeQuery = (): string => {
  const text = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  return /```sql\n(-- what was added[\s\S]*?)```/.exec(text)?.[1] ?? ''
}

const openSpans = async (marketId: string): Promise<number> => {
  const sql = `select jsonb_path_query_array(kept::jsonb, '$.liquidity.outcomes[*].spans[*]') as spans
    from ingestion_offsets where stream = $1`
  const { rows } = await database.pool.query<{ spans: unknown[] | null }>(sql, [`orderbook:${marketId}`])
  return rows[0]?.spans?.length ?? -1
}
const closed = (marketId: string): Promise<void> =>
  until(`the last second of ${marketId} is told though nothing comes`, async () => (await openSpans(marketId)) === 0)

test('kill -9 in mid-second, again and again: every size change of the books is in one event, and none twice', async () => {
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('41')])
  await flow.books('41')
  for (let round = 0; round < 3; round++) {
    const child = spawnShard()
    await until('the shard has caught up', async () => {
      await flow.changes('41', 20)
      await sleep(3)
      await flow.trade('41', `0x${round}${Date.now()}`)
      await sleep(3)
      return (await openSpans('41')) > 0
    })
    for (let count = 0; count < 40; count++) {
      await flow.changes('41', 10)
      await sleep(3)
      await flow.trade('41', `0x${round}${count}`)
      await sleep(3)
    }
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await using _ = start()
  await committed(tables(), 'orderbook:41')
  await closed('41')
  const types = await expectTruth('41')
  expect(types).toContain('liquidity_traded')
  expect(await typesOf('41')).toEqual(['market_created'])
  const said = await database.pool.query<Record<'side' | 'added', string>>(readmeQuery().replaceAll('516710', '41'))
  const added = said.rows.filter(({ side }) => side === 'bid').reduce((sum, row) => sum + Number(row.added ?? 0), 0)
  const events = (await readEvents('41')).filter(({ type, side }) => type === 'liquidity_added' && side === 'bid')
  const ofFirst = events.filter(({ outcomeId }) => outcomeId === '41:0')
  expect(added).toBeCloseTo(
    ofFirst.reduce((sum, { amountText }) => sum + Number(amountText), 0),
    5,
  )
})

test('a pause, a gap and a resolution are told once each; no size change goes over a gap', async () => {
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('42')])
  await flow.books('42')
  const first = startShard(addresses)
  await flow.changes('42', 30)
  await flow.gap('42', 'overflow')
  await flow.changes('42', 10)
  await flow.books('42', 'rest')
  await flow.changes('42', 10)
  await flow.gap('42', 'paused')
  await committed(tables(), 'orderbook:42')
  await first.stop()
  await flow.gap('42', 'paused')
  await using _ = start()
  const tokens = tokensOf('42')
  await flow.append('42', [['marker', JSON.stringify({ type: 'subscribed', tokens })]])
  await flow.append('42', [['marker', JSON.stringify({ type: 'subscribed', tokens })]])
  await flow.books('42', 'rest')
  await flow.changes('42', 10)
  const ended = { closed: true, umaResolutionStatus: 'resolved', outcomePrices: '["1","0"]' }
  await flow.catalogue([gammaText('42', { closed: true })])
  await flow.catalogue([gammaText('42', ended), gammaText('42', ended)])
  await committed(tables(), 'markets')
  await committed(tables(), 'orderbook:42')
  await closed('42')
  await expectTruth('42')
  const bothBooks = (type: string): string[] => [type, type]
  expect((await typesOf('42')).toSorted()).toEqual(
    [
      ...bothBooks('gap_opened'),
      ...bothBooks('gap_closed'),
      ...bothBooks('gap_opened'),
      ...bothBooks('gap_closed'),
      'market_created',
      'market_paused',
      'market_resumed',
      'market_closed',
      'market_resolved',
    ].toSorted(),
  )
  const gaps = await database.pool.query<{ gap_sequence: string }>(
    `select outcome_id, gap_sequence from feed_gaps where market_id = '42' order by 1, 2`,
  )
  const told = await database.pool.query(
    `select outcome_id, detail ->> 'gap_sequence' as gap_sequence from liquidity_events where market_id = '42'
     and type = 'gap_closed' order by 1, 2`,
  )
  expect(told.rows).toEqual(gaps.rows)
})

test('a split and a merge are told once, however often the Data API repeats them; a redemption is none', async () => {
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('43')])
  await using _ = start()
  await committed(tables(), 'markets')
  const conditionId = `0x${'43'.padStart(64, '0')}`
  const timestamp = Math.floor(Date.now() / 1_000) - 60
  const text = (type: string, size: number, ordinal: number): string => {
    const said = {
      proxyWallet: `0x${'AB'.repeat(20)}`,
      conditionId,
      type,
      size,
      usdcSize: size,
      transactionHash: `0x${'9'.repeat(64)}`,
      timestamp,
    }
    return `{"ordinal":${ordinal},"raw":${JSON.stringify(said)}}`
  }
  const all = [text('SPLIT', 12.5, 0), text('SPLIT', 12.5, 1), text('MERGE', 4, 0), text('REDEEM', 1, 0)]
  for (const _time of [1, 2]) await flow.trades(all.map((one) => ['data_activity', one]))
  await committed(tables(), 'trades')
  const letters = await database.pool.query("select detail from dead_letters where stream = 'trades'")
  expect(letters.rows).toEqual([])
  const { rows } = await database.pool.query<{ type: string; amount: string; detail: Record<string, string> }>(
    `select type, trim_scale(amount)::text as amount, detail from liquidity_events
     where market_id = '43' and source = 'data_api' order by type, identity`,
  )
  expect(rows.map(({ type, amount }) => `${type} ${amount}`)).toEqual(['merge 4', 'split 12.5', 'split 12.5'])
  expect(rows[0]?.detail).toMatchObject({ wallet: `0x${'ab'.repeat(20)}`, transaction_hash: `0x${'9'.repeat(64)}` })
  expect(Date.parse(rows[0]?.detail['source_ts'] ?? '')).toBe(timestamp * 1_000)
})
