import { setTimeout as sleep } from 'node:timers/promises'
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { Ledger } from '../../src/emulator/ledger.ts'
import { expectWhole } from '../support/expect-whole.ts'
import { recordedTokens } from '../support/recorded-truth.ts'
import { openRecording, readGaps, readRoles, settle, type Recording } from '../support/recording.ts'
import { until } from '../support/system.ts'

/**
 * Texts that no venue should send, under load, on the socket that carries all markets. Each is a dead letter with its
 * raw text, counted; what may have been an update of a book costs its market a gap until REST brings the book again.
 * Ignored as documented: texts without an element (`[]`, blanks).
 */
const MARKETS = 20
const LARGE = 1_000_000

type Garbage = { text: string; reason: string }
type Target = Ledger['tokens'][number]

const unroutable = (): Garbage[] =>
  [
    'this is no JSON',
    '{"event_type":"price_change","price_changes":[{"asset_id":"12',
    '[{"event_type":"book"},',
    '{"event_type":"quantum_leap","n":1}',
    '{"event_type":"price_change","market":"0xdead","asset_id":"999","timestamp":"1","price_changes":[]}',
    'null',
    '0',
    '{}',
    '"text"',
    String.raw`{"event_type":"book","market":"\u0000","asset_id":"\ud800"}`,
    '\u0000\u0001',
    `${'['.repeat(50_000)}`,
    randomBytes(LARGE / 2).toString('hex'),
  ].map((text) => ({ text, reason: 'unroutable' }))

const manyLevels = (): object[] =>
  Array.from({ length: 30_000 }, (_, index) => ({ price: `0.${String(index + 1).padStart(6, '0')}`, size: '1' }))

/** Frames that name a market of ours. `breaking`: they may have been an update of its book. */
const routed = ({ conditionId: market, token }: Target): { breaking: Garbage[]; harmless: Garbage[] } => {
  const timestamp = String(Date.now())
  const frame = (fields: object): string => JSON.stringify({ market, asset_id: token, timestamp, ...fields })
  const change = (fields: object): Garbage => {
    const element = { asset_id: token, price: '0.5', size: '1', side: 'BUY', hash: 'h', ...fields }
    const text = JSON.stringify({ event_type: 'price_change', market, timestamp, price_changes: [element] })
    return { text, reason: 'bad_message' }
  }
  const trade = (fields: object): string =>
    frame({ event_type: 'last_trade_price', price: '0.5', size: '1', side: 'BUY', ...fields })
  return {
    breaking: [
      {
        text: `{"event_type":"price_change","market":"${market}","price_changes":[{"asset_id":`,
        reason: 'bad_message',
      },
      change({ price: '1e999' }),
      change({ size: '-5' }),
      change({ size: '9'.repeat(40) }),
      change({ price: `0.${'1'.repeat(40)}` }),
      change({ side: 'HOLD' }),
      { text: change({}).text.replace('"0.5"', '1e999'), reason: 'bad_message' },
      { text: change({}).text.replace(timestamp, '999999999999999'), reason: 'bad_message' },
      { text: frame({ event_type: 'book', hash: 'h', bids: [{ price: '0.5', size: 'many' }] }), reason: 'bad_message' },
      { text: frame({ event_type: 'book', hash: 'h', bids: manyLevels() }), reason: 'bad_message' },
    ],
    harmless: [
      { text: frame({ event_type: 'quantum_leap' }), reason: 'unknown_event' },
      { text: frame({ event_type: '\u0000\ud800' }), reason: 'unknown_event' },
      { text: frame({ event_type: 'quantum_leap', pad: 'x'.repeat(LARGE) }), reason: 'unknown_event' },
      {
        text: frame({ event_type: 'book', asset_id: '31337', hash: 'h', bids: [], asks: [] }),
        reason: 'unknown_token',
      },
      { text: trade({ price: '-0.5' }), reason: 'bad_message' },
      { text: trade({ transaction_hash: '\u0000\ud800' }), reason: 'bad_message' },
      { text: trade({ transaction_hash: randomBytes(LARGE / 4).toString('hex') }), reason: 'bad_message' },
      { text: frame({ event_type: 'tick_size_change', new_tick_size: '1e999' }), reason: 'bad_message' },
    ],
  }
}

const countedDeadLetters = async ({ system }: Recording): Promise<number> => {
  const redis = system.redis()
  const keys = await redis.keys('stats:normalizer:*')
  const texts = keys.length === 0 ? [] : await redis.mget(keys)
  return Math.max(0, ...texts.map((text) => Number(JSON.parse(text ?? '{}').deadLetters ?? 0)))
}

/** What Postgres cannot hold is kept visibly: NUL as its escape. */
const asStored = (text: string): string => text.replaceAll('\0', String.raw`\u0000`)

const expectDeadLetters = async (recording: Recording, sent: Garbage[]): Promise<void> => {
  const wanted = sent.map(({ text, reason }) => `${reason} ${asStored(text)}`).toSorted()
  const found = await until('every text to be a dead letter', async () => {
    const { rows } = await recording.pool.query<{ reason: string; raw: string }>('select reason, raw from dead_letters')
    return rows.length >= sent.length ? rows.map(({ reason, raw }) => `${reason} ${raw}`).toSorted() : undefined
  }).catch(async () =>
    (await recording.pool.query<Garbage>('select reason, raw as text from dead_letters')).rows
      .map(({ reason, text }) => `${reason} ${text}`)
      .toSorted(),
  )
  const short = (texts: string[]): string[] => texts.map((text) => text.slice(0, 120))
  expect(short(found)).toEqual(short(wanted))
  expect(
    found.every((text, index) => text === wanted[index]),
    'raw texts are whole',
  ).toBe(true)
  await until('dead letters to be counted', async () => (await countedDeadLetters(recording)) === sent.length)
}

describe('texts that no venue should send', () => {
  test('are counted dead letters with their raw text; nothing crashes, no other market notices', async () => {
    await using recording = await openRecording({ markets: MARKETS, rate: 200, env: {} })
    const { venue, system, pool } = recording
    const roles = readRoles(system)
    const [target] = recordedTokens(await venue.ledger())
    if (target === undefined) throw new Error('no token is recorded')
    const { breaking, harmless } = routed(target)
    const calm = [...unroutable(), ...harmless]
    for (const text of ['[]', '', ' \n']) await venue.post('send', { text })
    for (const { text } of calm) await venue.post('send', { text })
    await expectDeadLetters(recording, calm)
    await settle(recording)
    expect(await readGaps(pool), 'gaps of texts that are no update of a book').toEqual([])
    // The flow stands still, so that no book of the socket ends the gap: REST must.
    for (const { text } of breaking) await venue.post('send', { text })
    const gaps = await until('gaps of the market whose book may be incomplete', async () => {
      const found = await readGaps(pool)
      return found.length > 0 && found.every(({ closedAt }) => closedAt !== null) ? found : undefined
    })
    expect(new Set(gaps.map(({ marketId, reason }) => `${marketId} ${reason}`))).toEqual(
      new Set([`${target.marketId} bad_message`]),
    )
    await expectDeadLetters(recording, [...calm, ...breaking])
    await venue.post('resume')
    await sleep(2_000)
    await expectWhole(recording, roles)
  })
})
