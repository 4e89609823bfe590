import { readFileSync } from 'node:fs'
import pg from 'pg'
import { z } from 'zod'
import { readConfig } from '../config.ts'

/** For machines without psql: runs one query on the database of the running system, else on DATABASE_URL. */
const databaseUrl = (): string => {
  const config = readConfig(process.env)
  try {
    const text = readFileSync(`${config.POLYTAPE_STATE_DIR}/run.json`, 'utf8')
    return z.object({ databaseUrl: z.string() }).parse(JSON.parse(text)).databaseUrl
  } catch {
    return config.DATABASE_URL
  }
}

const main = async (query: string | undefined): Promise<void> => {
  if (query === undefined) throw new Error('usage: node scripts/run.mjs src/cli/sql.ts "select …"')
  const client = new pg.Client({ connectionString: databaseUrl() })
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(query)
    console.table(rows)
  } finally {
    await client.end()
  }
}

try {
  await main(process.argv[2])
} catch (error) {
  console.error(`sql: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
