import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import type { Ledger } from '../../src/emulator/ledger.ts'

const urls = z.object({ ws: z.string(), gamma: z.string(), clob: z.string(), data: z.string(), control: z.string() })

/** The emulator as a process of its own: it outlives whatever a test kills. */
export type VenueProcess = AsyncDisposable & {
  /** Environment that points the product at it. */
  env: Record<string, string>
  ledger: () => Promise<Ledger>
  post: (action: string, body?: object) => Promise<void>
}

export const openVenueProcess = async (args: string[]): Promise<VenueProcess> => {
  const command = ['--import', 'tsx', 'src/cli/emulator.ts', '--port', '0', ...args]
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(createInterface({ input: child.stdout }), 'line')
  const at = z.object({ urls }).parse(JSON.parse(String(line))).urls
  return {
    env: {
      POLYMARKET_WS_URL: at.ws,
      POLYMARKET_GAMMA_URL: at.gamma,
      POLYMARKET_CLOB_URL: at.clob,
      POLYMARKET_DATA_URL: at.data,
    },
    ledger: async () => {
      const answer = await fetch(`${at.control}/ledger`)
      return (await answer.json()) as Ledger
    },
    post: async (action, body = {}) => {
      const answer = await fetch(`${at.control}/${action}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      if (!answer.ok) throw new Error(`${action} answered ${answer.status}: ${await answer.text()}`)
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}
