import { expect, test } from 'vitest'
import { readUnsettled } from '../../src/store/resolutions.ts'
import { createDatabase } from '../support/services.ts'

test('a running market is asked for however many wait for their payouts', async () => {
  await using database = await createDatabase()
  const { pool } = database
  await pool.query(
    `insert into markets (market_id, condition_id, slug, question, status, tick_size, min_order_size, neg_risk,
       resolution_source, resolved_at)
     select id, id, id, id, status, 0.01, 5, false, source, resolved_at from (
       select n::text as id, 'resolved' as status, 'market_resolved' as source, now() as resolved_at
       from generate_series(100000, 120100) n union all select '999999', 'active', null, null) m`,
  )
  const unsettled = await readUnsettled(pool, ['999999'])
  expect(unsettled).toHaveLength(20_000)
  expect(unsettled[0]).toMatchObject({ marketId: '999999', isResolved: false })
  expect(unsettled[1]?.marketId).toBe('100000')
})
