import { WebSocket } from 'ws'
import type { Config } from '../config.ts'

const LIMIT_MS = 5_000

const messageOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}

const probeGamma = async (url: string, signal: AbortSignal): Promise<void> => {
  const response = await fetch(`${url.replace(/\/+$/, '')}/markets/keyset?limit=1`, { signal })
  await response.body?.cancel()
  if (!response.ok) throw new Error(`HTTP ${response.status}`)
}

const probeWebsocket = (url: string, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const path = url.replace(/\/+$/, '')
    const socket = new WebSocket(path.endsWith('/ws/market') ? path : `${path}/ws/market`)
    const settle = (finish: () => void) => {
      finish()
      socket.terminate()
    }
    signal.addEventListener('abort', () => settle(() => reject(new Error(`no answer within ${LIMIT_MS / 1000} s`))))
    socket.on('error', (error) => settle(() => reject(error)))
    socket.on('open', () => settle(resolve))
  })

/** Undefined if the venue answers within 5 s, else which address did not and why. */
export const whyVenueIsUnreachable = async (
  config: Pick<Config, 'POLYMARKET_GAMMA_URL' | 'POLYMARKET_WS_URL'>,
): Promise<string | undefined> => {
  const { POLYMARKET_GAMMA_URL: gamma, POLYMARKET_WS_URL: ws } = config
  const signal = AbortSignal.timeout(LIMIT_MS)
  const name = (url: string) => (error: unknown) => Promise.reject(new Error(`${url}: ${messageOf(error)}`))
  try {
    await Promise.all([probeGamma(gamma, signal).catch(name(gamma)), probeWebsocket(ws, signal).catch(name(ws))])
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}
