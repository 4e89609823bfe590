import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import type { Ledger } from '../../src/emulator/ledger.ts'
import { readTapes, type TokenTape } from './tape/sent.ts'

const urls = z.object({ ws: z.string(), gamma: z.string(), clob: z.string(), data: z.string(), control: z.string() })

/** The emulator as a process of its own, with its log in a folder of its own: it outlives whatever a test kills. */
export type VenueProcess = AsyncDisposable & {
  pid: number
  /** Environment that points the product at it. */
  env: Record<string, string>
  /** Of one token only, where the whole is too much: its entry and its trades, and all connections. */
  ledger: (token?: string) => Promise<Ledger>
  /** Resolves with what the emulator says it touched. */
  post: (action: string, body?: object) => Promise<number>
  /** All that it said so far, by token; only with `isLogged`. */
  tapes: () => Promise<Map<string, TokenTape>>
}

export const openVenueProcess = async (args: string[], isLogged = false): Promise<VenueProcess> => {
  const folder = await mkdtemp(join(tmpdir(), 'polytape-venue-'))
  const logPath = join(folder, 'frames.jsonl')
  const logArgs = isLogged ? ['--log', logPath] : []
  const command = ['--import', 'tsx', 'src/cli/emulator.ts', '--port', '0', ...args, ...logArgs]
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  const at = z.object({ urls }).parse(JSON.parse(String(line))).urls
  const post = async (action: string, body: object = {}): Promise<number> => {
    const answer = await fetch(`${at.control}/${action}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(`${action} answered ${answer.status}: ${await answer.text()}`)
    return Number(z.object({ done: z.unknown() }).parse(await answer.json()).done)
  }
  return {
    pid: child.pid ?? 0,
    env: {
      POLYMARKET_WS_URL: at.ws,
      POLYMARKET_GAMMA_URL: at.gamma,
      POLYMARKET_CLOB_URL: at.clob,
      POLYMARKET_DATA_URL: at.data,
    },
    ledger: async (token) => {
      const answer = await fetch(`${at.control}/ledger${token === undefined ? '' : `?token=${token}`}`)
      return (await answer.json()) as Ledger
    },
    post,
    tapes: async () => {
      await post('flush-log')
      return readTapes(logPath)
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null) {
        child.kill('SIGTERM')
        await once(child, 'exit')
      }
      await rm(folder, { recursive: true, force: true })
    },
  }
}
