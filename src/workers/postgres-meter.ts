import { Socket } from 'node:net'
import type { Pool } from 'pg'
import type { Stats } from '../lib/stats.ts'
import { createTraffic } from '../lib/traffic.ts'
import { inFamily } from '../metrics/row.ts'

const CLASS = /^[0-9A-Z]{2}/

/** Class of an SQLSTATE, its first two characters; `connection` where Postgres said nothing. */
const postgresErrorClass = (error: unknown): string => {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
  return (code.length === 5 ? CLASS.exec(code)?.[0] : undefined) ?? 'connection'
}

const FAILED_TO_CONNECT = 'client failed to connect'

/** Counts what goes to Postgres and wrong with it, on the wire and where the pool connects: no query is wrapped for it. */
export const createPostgresMeter = (stats: Stats) => {
  const count = (error: unknown): void => stats.count(inFamily('postgresErrors', postgresErrorClass(error)))
  const traffic = createTraffic()
  stats.tally(() => traffic.read().map(([way, bytes]) => [inFamily('postgresBytes', way), bytes]))
  return {
    /** The pool's option of that name, for it says nowhere else that it could not connect. */
    log: (message: unknown, error: unknown): void => {
      if (message === FAILED_TO_CONNECT) count(error)
    },
    watch: (pool: Pool): void => {
      pool.on('connect', ({ connection }) => {
        if (connection.stream instanceof Socket) traffic.add(connection.stream)
        connection.on('errorMessage', count)
        connection.on('error', count)
      })
    },
  }
}
