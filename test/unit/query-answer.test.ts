import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PLAIN } from '../../src/cli/polytape/paint.ts'
import { writeAnswer } from '../../src/cli/query/answer.ts'
import { checkStatement } from '../../src/cli/query/statement.ts'
import { readTable, tableText } from '../../src/cli/query/table-text.ts'
import { openWorkspace } from '../../src/cli/query/workspace.ts'

const MANY = `select range * 7919 % 200003 as k, 0.1::decimal(18,6) as price, 'a "b"' as word from range(200000) order by k`

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'polytape-answer-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const write = async (statement: string, format: 'csv' | 'json', name: string): Promise<number> => {
  const output = join(folder, name)
  await using workspace = await openWorkspace({ objectFolders: [], output })
  const columns = await checkStatement(workspace.connection, statement)
  const target = { output, out: process.stdout }
  return await writeAnswer(workspace, { statement, columns, format }, target)
}

describe('the answer of a query', () => {
  it('keeps its order in a file however many rows it has, and decimals are texts where a format has none', async () => {
    expect(await write(MANY, 'json', 'answer.json')).toBe(200_000)
    const rows = JSON.parse(readFileSync(join(folder, 'answer.json'), 'utf8')) as { k: number; price: string }[]
    expect(rows[0]).toEqual({ k: 0, price: '0.100000', word: 'a "b"' })
    expect(rows.every((row, index) => index === 0 || (rows[index - 1]?.k ?? 0) < row.k)).toBe(true)
    await write(MANY, 'csv', 'answer.csv')
    const keys = readFileSync(join(folder, 'answer.csv'), 'utf8')
      .split('\n')
      .slice(1, -1)
      .map((line) => Number(line.split(',')[0]))
    expect(keys).toEqual(rows.map(({ k }) => k))
  })

  it('that fails leaves no file', async () => {
    await expect(write("select 1 as a, error('no') as b", 'csv', 'answer.csv')).rejects.toThrow('no')
    expect(readdirSync(folder)).toEqual([])
  })

  it('is a table of aligned columns, and says where it is cut', async () => {
    await using workspace = await openWorkspace({ objectFolders: [] })
    const { connection } = workspace
    const some = await readTable(connection, "select * from (values (1, 'x', null), (20, 'two\nlines', true)) t(n, w, b)")
    expect(tableText(some, PLAIN)).toBe(' n  w          b\n 1  x\n20  two lines  true\n(2 rows)\n')
    const lines = tableText(await readTable(connection, MANY), PLAIN).trimEnd().split('\n')
    expect(lines.length).toBe(1_002)
    expect(lines.at(-1)).toBe('(the first 1000 rows; all of them: --format csv, json or parquet)')
    const one = await readTable(connection, `select '${'x'.repeat(200)}' as long, timestamptz '2026-10-01 00:00:00.123456+00' as t`)
    expect(tableText(one, PLAIN)).toMatch(/x{79}… {2}2026-10-01 00:00:00\.123456\+00\n\(1 row\)/)
  }) // prettier-ignore
})

describe('what a query may read', () => {
  it('are the objects of the archive and no other file of this machine, by whichever name', async () => {
    const [objects, secret] = [join(folder, 'objects'), join(folder, 'secret.csv')]
    mkdirSync(objects)
    writeFileSync(secret, 'word\nhidden\n')
    writeFileSync(join(objects, 'object.csv'), 'word\nshown\n')
    symlinkSync(secret, join(objects, 'link.csv'))
    await using workspace = await openWorkspace({ objectFolders: [objects], output: join(folder, 'answer.csv') })
    const { connection } = workspace
    const refused = [
      `from read_text('${secret}')`,
      `from read_csv('${objects}/../secret.csv')`,
      `from read_csv('${objects}/link.csv')`,
      `from '${secret}'`,
      `from glob('${folder}/*')`,
      "from read_text('/etc/hostname')",
      "from read_blob('/proc/self/environ')",
    ]
    for (const statement of refused) {
      await expect(checkStatement(connection, statement), statement).rejects.toThrow(
        /Cannot access file|does not exist/,
      )
    }
    const read = await connection.runAndReadAll(`from read_csv('${objects}/object.csv')`)
    expect(read.getRows()).toEqual([['shown']])
  })

  it('cannot be widened, and nothing but the output can be written', async () => {
    await using workspace = await openWorkspace({ objectFolders: [], output: join(folder, 'answer.csv') })
    const { connection } = workspace
    for (const option of ["allowed_directories = ['/']", 'enable_external_access = true', "memory_limit = '1TB'"]) {
      await expect(connection.run(`set ${option}`), option).rejects.toThrow('locked')
    }
    const other = writeAnswer(
      workspace,
      { statement: 'select 1 as a', columns: [{ name: 'a', type: 'INTEGER' }], format: 'csv' },
      { output: join(folder, 'other.csv'), out: process.stdout },
    )
    await expect(other).rejects.toThrow('Cannot access file')
    expect(readdirSync(folder)).toEqual([])
  })
})
