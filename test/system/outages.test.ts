import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectWhole } from '../support/expect-whole.ts'
import { readGaps, readRoles, type Recording } from '../support/recording.ts'
import { openServedRecording, type ServedRecording } from '../support/served-recording.ts'
import type { TestPostgres, TestRedis } from '../support/services.ts'

/**
 * The whole product on servers that the test takes down under load: 50 markets at 500 frames/s, 5 s each.
 *
 * Rows of an outcome that never had a gap are what the ledger predicts (the formula is in emulator.test.ts).
 * One system goes through all outages, so each must also leave a state from which the next is survived.
 */
const MARKETS = 50
const DOWN_MS = 5_000
const FLOW_MS = 2_000

let served: ServedRecording
let redis: TestRedis
let postgres: TestPostgres
let recording: Recording

beforeAll(async () => {
  served = await openServedRecording({ markets: MARKETS, rate: 500 })
  ;({ redis, postgres, recording } = served)
})

afterAll(() => served[Symbol.asyncDispose]())

const through = async (outage: () => Promise<void>): Promise<void> => {
  const { venue, pool, system } = recording
  const roles = readRoles(system)
  await venue.post('resume')
  await sleep(FLOW_MS)
  await outage()
  await sleep(FLOW_MS)
  await expectWhole(recording, roles)
  const gaps = await readGaps(pool)
  expect(gaps.filter(({ reason, detail }) => reason === '' || detail === '')).toEqual([])
  expect((await pool.query('select reason, detail from dead_letters')).rows).toEqual([])
}

describe('the system recovers by itself from 5 s without', () => {
  test('Postgres', async () => {
    await through(() => postgres.restart(DOWN_MS))
    expect(await readGaps(recording.pool), 'nothing was lost').toEqual([])
  })

  test('Redis, shut down in order', async () => {
    await through(() => redis.restart(DOWN_MS))
    expect(await readGaps(recording.pool), 'nothing was lost').toEqual([])
  })

  test('room on the disk of Redis', async () => {
    await through(() => redis.fillDisk(DOWN_MS))
    expect(await readGaps(recording.pool), 'nothing was lost').toEqual([])
  })

  test('Redis, killed', async () => {
    await through(() => redis.restart(DOWN_MS, 'kill'))
  })
})
