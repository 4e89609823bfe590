import { expect, test } from 'vitest'
import { encodeEntry } from '../../src/stream/entry.ts'
import { createFlow, gammaText, signing } from '../support/normalizer-flow.ts'
import { committed, expectExact } from '../support/normalizer-shard.ts'
import { openStores } from '../support/normalizer-stores.ts'

const { database, redis, start, tables } = await openStores()

const letters = async (stream: string) =>
  (await database.pool.query<{ reason: string; detail: string }>('select reason, detail from dead_letters where stream = $1 order by dead_letter_id', [stream])).rows // prettier-ignore
const gaps = async (outcomeId: string) =>
  (await database.pool.query<{ reason: string }>('select reason from feed_gaps where outcome_id = $1 order by gap_sequence', [outcomeId])).rows.map((row) => row.reason) // prettier-ignore

const isField = (name: string) => (_: string, at: number, all: string[]) => all[at - (at % 2)] !== name

const forgeries: [string, (fields: string[]) => string[], string][] = [
  ['of an unknown key', (fields) => fields.with(9, 'stranger'), 'unknown key id "stranger"'],
  ['with a wrong signature', (fields) => fields.with(11, 'AAAA'), 'signature does not match'],
  ['without a signature', (fields) => fields.filter(isField('s')), 'signature does not match'],
  ['without signature and key id', (fields) => fields.filter(isField('s')).filter(isField('k')), 'unknown key id ""'],
  ['whose text was changed', (fields) => fields.with(7, (fields[7] ?? '').replace('0.5', '0.6')), 'signature does not match'], // prettier-ignore
]

test.each(forgeries)(
  'an entry %s is a counted dead letter and a gap, and is never applied',
  async (name, forge, detail) => {
    const marketId = String(30 + forgeries.findIndex(([other]) => other === name))
    await using shard = start()
    const flow = createFlow(redis)
    await flow.catalogue([gammaText(marketId)])
    await flow.books(marketId)
    await flow.changes(marketId, 10)
    const element = { asset_id: `${marketId}001`, price: '0.5', size: '777', side: 'BUY', hash: 'h' }
    const head = { event_type: 'price_change', market: '0x1', timestamp: String(Date.now()) }
    const text = JSON.stringify({ ...head, price_changes: [element] })
    await redis.xadd(`orderbook:${marketId}`, '*', ...forge([...encodeEntry(flow.entry(marketId, text), signing)]))
    await flow.changes(marketId, 5)
    await flow.books(marketId, 'rest')
    const rows = await expectExact(tables(), flow, marketId)
    expect(rows.flat().some((row) => row.size.startsWith('777'))).toBe(false)
    expect(await letters(`orderbook:${marketId}`)).toEqual([{ reason: 'bad_signature', detail }])
    expect(await gaps(`${marketId}:0`)).toEqual(['bad_signature'])
    expect(shard.stats.read()).toMatchObject({ badSignatures: 1, deadLetters: 1 })
  },
)

test('over a rotation, entries of the old and of the new key are applied, also after a restart, and no gap is opened', async () => {
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('41')])
  await flow.books('41')
  const before = { ...signing }
  const keyIds: (string | undefined)[] = []
  const noteKey = async () => keyIds.push((await redis.xrevrange('orderbook:41', '+', '-', 'COUNT', 1))[0]?.[1][9])
  await noteKey()
  {
    await using _shard = start()
    await flow.changes('41', 10)
    // As `followSigningKeys` does it: first the new key verifies, then it signs.
    signing.keys = new Map([...signing.keys, ['next', 'the secret of the next key']])
    await flow.changes('41', 10)
    signing.current = 'next'
    await flow.changes('41', 10)
    await noteKey()
    await committed(tables(), 'orderbook:41')
  }
  await flow.changes('41', 10)
  await using _shard = start()
  await expectExact(tables(), flow, '41')
  expect(keyIds).toEqual(['test', 'next'])
  expect(await gaps('41:0')).toEqual([])
  expect(await letters('orderbook:41')).toEqual([])
  Object.assign(signing, before)
})
