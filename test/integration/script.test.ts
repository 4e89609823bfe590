import { expect, test } from 'vitest'
import { createScript } from '../../src/store/script.ts'
import { createDatabase } from '../support/services.ts'

const TABLES = 'create table one (id int primary key, word text); create table two (id int)'

test('each of its questions is told its own rows, with COPYs and statements before, between and after', async () => {
  await using database = await createDatabase()
  await database.pool.query(TABLES)
  const client = await database.pool.connect()
  const script = createScript()
  const told: unknown[] = []
  await script.query('begin', [])
  script.copy([
    { target: 'one (id, word)', lines: ['1\ta\n', '2\tb\n'] },
    { target: 'two (id)', lines: [] },
  ])
  script.ask('insert into one values (3, $1) returning id', ["it's"], (rows) => told.push(rows))
  script.copy([{ target: 'two (id)', lines: Array.from({ length: 5_000 }, (_, at) => `${at}\n`) }])
  script.ask('select word from one where id > $1 order by id', ['1'], (rows) => told.push(rows))
  script.ask('select count(*)::int as count from two', [], (rows) => told.push(rows))
  await script.query('commit', [])
  await script.send(client)
  client.release()
  expect(told).toEqual([[{ id: 3 }], [{ word: 'b' }, { word: "it's" }], [{ count: 5_000 }]])
  expect((await database.pool.query('select count(*)::int as count from two')).rows).toEqual([{ count: 5_000 }])
})

test.each([
  ['a statement before its rows', 'insert into one values (1, 2, 3)'],
  ['none but its rows', 'select 1'],
])('where Postgres refuses %s, nothing of it is there and the connection serves on', async (_, statement) => {
  await using database = await createDatabase()
  await database.pool.query(TABLES)
  const client = await database.pool.connect()
  const script = createScript()
  await script.query('begin', [])
  await script.query(statement, [])
  script.copy([
    { target: 'two (id)', lines: Array.from({ length: 5_000 }, (__, at) => `${at}\n`) },
    { target: 'one (id, word)', lines: ['1\ta\n', '1\tb\n'] },
  ])
  await script.query('commit', [])
  await expect(script.send(client)).rejects.toThrow(/more expressions than target columns|duplicate key/)
  await client.query('rollback')
  expect((await client.query('select count(*)::int as count from two')).rows).toEqual([{ count: 0 }])
  client.release()
})
