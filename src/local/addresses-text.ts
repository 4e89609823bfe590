import { httpUrlOf, type RunFacts } from './run-file.ts'
import { findOnPath } from './run-command.ts'
import type { StateDir } from './state-dir.ts'

const QUERY = 'select market_id, bid_price, ask_price, updated_at from quotes_live order by updated_at desc limit 5'

/** The address without its password, for screens that others may see. */
const withoutPassword = (url: string): string => {
  const address = new URL(url)
  address.password = ''
  return address.href
}

const sqlCommand = (facts: RunFacts, state: StateDir, ours: boolean): string => {
  if (findOnPath('psql') === undefined) return `node scripts/run.mjs src/cli/sql.ts "${QUERY}"`
  if (!ours) return `psql "$DATABASE_URL" -c "${QUERY}"`
  return `PGPASSFILE='${state.path('pgpass')}' psql '${withoutPassword(facts.databaseUrl)}' -c "${QUERY}"`
}

/** The other roles have pages of their own. */
const otherPorts = ({ httpPorts }: RunFacts): string =>
  Object.entries(httpPorts)
    .filter(([role]) => role !== 'control')
    .map(([role, port]) => `; ${role} :${port}`)
    .join('')

export type AddressFacts = { facts: RunFacts; state: StateDir; ownsPostgres: boolean; redisCli: string }

/** Where to look and what to try; the commands work as they are when pasted into a shell in the repository. */
export const addressLines = ({ facts, state, ownsPostgres, redisCli }: AddressFacts, quoteKey: string | undefined) => [
  `Temporal UI  ${facts.temporalUiUrl ?? `of the server at ${facts.temporalAddress}`}`,
  `Postgres     ${withoutPassword(facts.databaseUrl)}${ownsPostgres ? `   (password: ${state.path('pgpass')})` : ''}`,
  `Redis        ${withoutPassword(facts.redisUrl)}`,
  `HTTP         ${httpUrlOf(facts, 'control')}   (/metrics, /healthz, /readyz${otherPorts(facts)})`,
  `try          ${sqlCommand(facts, state, ownsPostgres)}`,
  `try          ${redisCli} ${quoteKey === undefined ? "--scan --pattern 'quote:*'" : `hgetall ${quoteKey}`}`,
  `logs         ${state.path('logs')}`,
]
