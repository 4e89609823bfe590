import pg from 'pg'
import { openPostgres } from '../../test/support/services.ts'
import { fillHistory, historyStartMs, type HistoryOptions } from '../support/book-history.ts'
import { figure, type Figure } from '../support/figure.ts'
import type { Scenario } from '../support/scenario.ts'
import { quantile } from '../support/statistics.ts'

const DAY_MS = 86_400_000
const PERCENTS = [50, 95, 99, 100] as const
const OUTCOME = 'select n from shares where upto >= $1 order by n limit 1'

/** As a client sees it: one connection, round trip and planning included, random instants of the day. */
const timeCalls = async (
  client: pg.Client,
  calls: number,
  sql: string,
): Promise<{ tookMs: number[]; rows: number }> => {
  const tookMs: number[] = []
  let rows = 0
  for (let call = 0; call < calls; call++) {
    const { rows: chosen } = await client.query<{ n: number }>(OUTCOME, [Math.random()])
    const n = chosen[0]?.n ?? 0
    const at = new Date(historyStartMs() + Math.random() * DAY_MS).toISOString()
    const startMs = performance.now()
    const { rowCount } = await client.query(sql, [`${Math.floor(n / 2)}:${n % 2}`, at])
    tookMs.push(performance.now() - startMs)
    rows += rowCount ?? 0
  }
  return { tookMs: tookMs.toSorted((left, right) => left - right), rows }
}

const measure = async (client: pg.Client, name: string, calls: number): Promise<Figure[]> => {
  const { tookMs, rows } = await timeCalls(client, calls, `select * from ${name}($1, $2)`)
  const note = `${calls} calls, ${(rows / calls).toFixed(1)} rows each`
  return PERCENTS.map((percent) => {
    const more = percent === 50 ? { note } : {}
    return figure(`${name} ${percent === 100 ? 'max' : `p${percent}`}`, quantile(tookMs, percent / 100), 'ms', more)
  })
}

export const measureBookAt = async (
  options: HistoryOptions & { calls: number },
  say: (line: string) => void,
): Promise<Figure[]> => {
  await using postgres = await openPostgres()
  const client = new pg.Client({ connectionString: postgres.url })
  await client.connect()
  try {
    await fillHistory(client, options, say)
    return [
      ...(await measure(client, 'book_at', options.calls)),
      ...(await measure(client, 'book_state_at', options.calls)),
    ]
  } finally {
    await client.end()
  }
}

export const bookAt: Scenario = {
  name: 'book-at',
  what: 'a book of any instant of a day with 200 markets (a full run: 4.32 million rows)',
  run: ({ isQuick, say }) =>
    measureBookAt(
      { markets: 200, rate: isQuick ? 5 : 50, skew: 0, hasCheckpoints: true, calls: isQuick ? 500 : 3_000 },
      say,
    ),
}
