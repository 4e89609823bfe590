import type { Socket } from 'node:net'

/** Bytes of sockets that are open, and of those that were. */
export const createTraffic = () => {
  const sockets = new Set<Socket>()
  const closed = { in: 0, out: 0 }
  return {
    add: (socket: Socket): void => {
      sockets.add(socket)
      socket.once('close', () => {
        if (!sockets.delete(socket)) return
        closed.in += socket.bytesRead
        closed.out += socket.bytesWritten
      })
    },
    read: (): [way: 'in' | 'out', bytes: number][] => {
      const all = [...sockets]
      return [
        ['in', all.reduce((sum, { bytesRead }) => sum + bytesRead, closed.in)],
        ['out', all.reduce((sum, { bytesWritten }) => sum + bytesWritten, closed.out)],
      ]
    },
  }
}
