import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { createDatabase, openPostgres, openRedis } from '../support/services.ts'
import { until } from './feed-support.ts'
import { migrate } from '../../src/store/migrate.ts'

describe('servers that tests and npm start share', () => {
  it('a redis that was killed comes back on the same port with what was acknowledged a second ago', async () => {
    await using redis = await openRedis()
    const client = redis.connect()
    client.on('error', () => undefined)
    await client.xadd('s', '1-1', 'a', 'b')
    expect(await client.config('GET', 'maxmemory-policy')).toEqual(['maxmemory-policy', 'noeviction'])
    expect(await client.config('GET', 'bind')).toEqual(['bind', '127.0.0.1'])
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    await redis.restart(300, 'kill')
    expect(await client.xlen('s')).toBe(1)
    client.disconnect()
  })

  it('a postgres that was killed comes back on the same port with what was committed', async () => {
    await using postgres = await openPostgres()
    const pool = new pg.Pool({ connectionString: postgres.url })
    pool.on('error', () => undefined)
    await pool.query('create table kept (n int)')
    await pool.query('insert into kept values (1)')
    await postgres.restart(300, 'kill')
    expect((await pool.query('select n from kept')).rows).toEqual([{ n: 1 }])
    await pool.end()
  })

  it('two migrations at the same moment wait for one another and the second finds nothing to do', async () => {
    await using postgres = await openPostgres()
    const client = new pg.Client({ connectionString: postgres.adminUrl })
    await client.connect()
    await client.query('create database twice')
    await client.end()
    const url = new URL(postgres.adminUrl)
    url.pathname = '/twice'
    const both = await Promise.all([migrate(url.href), migrate(url.href)])
    expect(both.filter((names) => names.length > 0)).toHaveLength(1)
  })

  it('a migration whose connection the server ends is a failed migration, not a crash', async () => {
    await using postgres = await openPostgres()
    const client = new pg.Client({ connectionString: postgres.adminUrl })
    await client.connect()
    const folder = mkdtempSync(join(tmpdir(), 'polytape-migrations-'))
    writeFileSync(join(folder, '9999_slow.sql'), 'select pg_sleep(20)')
    const running = migrate(postgres.adminUrl, folder)
    const refused = expect(running).rejects.toThrow()
    await until('the migration runs', async () => {
      const { rowCount } = await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where pid <> pg_backend_pid() and query like '%select pg_sleep(20)%'`,
      )
      return rowCount === 1
    })
    await refused
    await client.end()
    rmSync(folder, { recursive: true })
  })

  it('databases of tests start migrated and do not see each other', async () => {
    await using one = await createDatabase()
    await using two = await createDatabase()
    await one.pool.query('create table mine (n int)')
    await expect(two.pool.query('select from mine')).rejects.toThrow('does not exist')
    expect((await two.pool.query('select from migrations')).rowCount).toBeGreaterThan(0)
  })
})
