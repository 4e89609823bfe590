import { rmSync } from 'node:fs'
import { writeJsonFile } from './json-file.ts'
import type { KeptProcess } from './kept-process.ts'
import { markOf } from './os-process.ts'
import type { Addresses } from './roles.ts'
import type { StateDir } from './state-dir.ts'

export type RunFacts = Addresses & {
  temporalUiUrl: string | undefined
  temporalCli: string | undefined
  venue: string
  httpHost: string
}

/** `.polytape/run.json`: where everything is while it runs. A reader tells a stale one by pid and start time of `supervisor`. */
export type RunFile = { write: (kept: KeptProcess[]) => void; remove: () => void }

/** Where a role answers: metrics and health, and of control webhooks. */
export const httpUrlOf = ({ httpHost, httpPorts }: RunFacts, role: string): string => {
  const host = httpHost.includes(':') ? `[${httpHost}]` : httpHost
  return `http://${host}:${httpPorts[role] ?? 0}`
}

const shown = (kept: KeptProcess) => ({ pid: kept.pid, state: kept.state, restarts: kept.restarts })

export const createRunFile = (state: StateDir, facts: RunFacts): RunFile => {
  const path = state.path('run.json')
  const supervisor = { ...markOf(process.pid), startedTimeMs: Date.now() }
  return {
    write: (kept) => {
      const roles = kept.filter((one) => one.kind === 'role')
      const others = kept.filter((one) => one.kind !== 'role')
      writeJsonFile(path, {
        databaseUrl: facts.databaseUrl,
        redisUrl: facts.redisUrl,
        temporalAddress: facts.temporalAddress,
        temporalUiUrl: facts.temporalUiUrl ?? null,
        temporalCli: facts.temporalCli ?? null,
        httpUrl: httpUrlOf(facts, 'control'),
        httpUrls: Object.fromEntries(Object.keys(facts.httpPorts).map((role) => [role, httpUrlOf(facts, role)])),
        venue: facts.venue,
        venueUrls: facts.venueUrls,
        supervisor,
        processes: roles.map((one) => ({ role: one.name, ...shown(one) })).filter(({ pid }) => pid !== undefined),
        servers: others.map((one) => ({ name: one.name, ...shown(one) })).filter(({ pid }) => pid !== undefined),
      })
    },
    remove: () => rmSync(path, { force: true }),
  }
}

export const removeStaleRunFile = (state: StateDir): void => rmSync(state.path('run.json'), { force: true })
