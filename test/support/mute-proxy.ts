import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { listenAnywhere } from './any-port.ts'

export type MuteProxy = AsyncDisposable & {
  port: number
  /** From now on nothing that is sent on the present sockets arrives, either way, and they stay open. New ones are served. */
  mute(): void
  /** Sockets that were opened until now. */
  count(): number
}

/** A TCP proxy whose server can vanish without a word, as where a host or a network fails. */
export const openMuteProxy = async (targetPort: number): Promise<MuteProxy> => {
  const sockets = new Set<Socket>()
  let muted = new Set<Socket>()
  let count = 0
  const pass = (from: Socket, to: Socket): void => {
    sockets.add(from)
    from.on('error', () => undefined)
    from.on('data', (bytes: Buffer) => {
      if (!muted.has(from)) to.write(bytes)
    })
    from.on('close', () => {
      sockets.delete(from)
      to.destroy()
    })
  }
  const server = createServer((client) => {
    count += 1
    const upstream = connect(targetPort, '127.0.0.1')
    pass(client, upstream)
    pass(upstream, client)
  })
  const port = await listenAnywhere(server)
  return {
    port,
    mute: () => void (muted = new Set(sockets)),
    count: () => count,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
