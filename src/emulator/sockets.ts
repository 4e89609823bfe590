import type { Server } from 'node:http'
import { WebSocketServer, type RawData } from 'ws'
import type { Channel } from './channel.ts'
import { Connection } from './connection.ts'
import type { Outage } from './outage.ts'

export type SocketsOptions = {
  server: Server
  channel: Channel
  /** Open ones; kept here. */
  connections: Set<Connection>
  /** Open and closed ones, for the ledger. */
  everOpened: Connection[]
  outage: Outage
  now: () => number
  isReplay: boolean
}

/** A client that offers it gets each frame prefixed with the file's receive time; for replays only. */
const REPLAY_PROTOCOL = 'polytape-replay'

const PATH = /^\/ws\/market\/?(\?.*)?$/

const textOf = (body: RawData): string => {
  if (Array.isArray(body)) return Buffer.concat(body).toString('utf8')
  return (Buffer.isBuffer(body) ? body : Buffer.from(body)).toString('utf8')
}

/** Takes websockets of the market channel on a server's upgrades. */
export const acceptSockets = (options: SocketsOptions): void => {
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: 16 * 1024 * 1024,
    handleProtocols: (offered) => (options.isReplay && offered.has(REPLAY_PROTOCOL) ? REPLAY_PROTOCOL : false),
  })
  options.server.on('upgrade', (request, stream, head) => {
    if (!PATH.test(request.url ?? '')) {
      stream.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n')
      return
    }
    if (options.outage.isOn()) {
      stream.end('HTTP/1.1 425 Too Early\r\nConnection: close\r\n\r\n')
      return
    }
    sockets.handleUpgrade(request, stream, head, (socket) => {
      const connection = new Connection({
        id: options.everOpened.length + 1,
        socket,
        stream,
        isReplayClock: socket.protocol === REPLAY_PROTOCOL,
        nowMs: options.now(),
      })
      options.connections.add(connection)
      options.everOpened.push(connection)
      socket.on('message', (body, isBinary) => {
        if (!isBinary) options.channel.receive(connection, textOf(body))
      })
      socket.on('error', () => connection.close('error', true))
      socket.on('close', (code) => {
        connection.closedTimeMs = options.now()
        if (connection.closeReason === '') connection.closeReason = `client_${code}`
        options.connections.delete(connection)
        options.channel.leave(connection)
      })
    })
  })
}
