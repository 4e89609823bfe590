import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const HOST = '127.0.0.1'

const listenOnce = (port: number): Promise<number | undefined> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ port, host: HOST, exclusive: true }, () => {
      const address = server.address()
      const bound = typeof address === 'object' && address !== null ? address.port : undefined
      server.close(() => resolve(bound))
    })
  })

/** The preferred port if nobody listens on it, else any free one. Not reserved: a start that loses it must ask again. */
export const freePort = async (preferred: number): Promise<number> => {
  const taken = preferred !== 0 && (await accepts(preferred))
  const port = (taken ? undefined : await listenOnce(preferred)) ?? (await listenOnce(0))
  if (port === undefined) throw new Error(`no free port on ${HOST}`)
  return port
}

/** Whether something accepts TCP connections on loopback. */
export const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: HOST, timeout: 1_000 })
    const answer = (value: boolean) => {
      socket.destroy()
      resolve(value)
    }
    socket.once('connect', () => answer(true))
    socket.once('timeout', () => answer(false))
    socket.once('error', () => answer(false))
  })

/** Polls `probe` until it does not throw. @throws the last error after `withinMs`. */
export const waitUntil = async (probe: () => Promise<void>, withinMs: number, signal: AbortSignal): Promise<void> => {
  const deadline = Date.now() + withinMs
  for (;;) {
    signal.throwIfAborted()
    try {
      return await probe()
    } catch (error) {
      if (Date.now() >= deadline) throw error
    }
    await sleep(50)
  }
}
