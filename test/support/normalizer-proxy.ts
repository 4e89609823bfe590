import { once } from 'node:events'
import { createServer, connect, type Socket } from 'node:net'
import { listenAnywhere } from './any-port.ts'

export type CommitCutter = AsyncDisposable & {
  port: number
  /** The next COMMIT passes on to Postgres, and its connection is cut before the answer comes back. */
  cutNext(): void
  cuts(): number
}

/** A TCP proxy in front of Postgres. */
export const openCommitCutter = async (targetPort: number): Promise<CommitCutter> => {
  let isArmed = false
  let cutCount = 0
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1')
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => sockets.delete(socket))
    }
    upstream.on('data', (bytes: Buffer) => client.write(bytes))
    upstream.on('close', () => client.destroy())
    client.on('close', () => upstream.end())
    client.on('data', (bytes: Buffer) => {
      const isCommit = isArmed && bytes.includes('commit\0')
      upstream.write(bytes)
      if (!isCommit) return
      isArmed = false
      cutCount += 1
      upstream.removeAllListeners('data')
      client.destroy()
    })
  })
  const port = await listenAnywhere(server)
  return {
    port,
    cutNext: () => void (isArmed = true),
    cuts: () => cutCount,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
