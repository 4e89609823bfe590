import { WebSocket } from 'ws'

/** A day of every book of 750 tokens in one frame would be 5 MB; 32 MiB and more is advised. */
const MAX_FRAME_BYTES = 64 * 1024 * 1024
const HANDSHAKE_TIMEOUT_MS = 10_000
/** Frames that we send are small and few: more than this unsent means that the peer does not read. */
const MAX_UNSENT_BYTES = 1024 * 1024

export type Websocket = {
  /** Closes the socket instead of queueing without bound when the peer does not read. */
  send(text: string): void
  /** At once and without a closing handshake: a peer that hangs would never answer it. */
  terminate(reason: string): void
}

export type WebsocketEvents = {
  opened(protocol: string): void
  /** `receivedTimeMs` is the host's clock when the frame was complete. */
  text(text: string, receivedTimeMs: number): void
  /** Exactly once, also when it never opened. */
  closed(reason: string): void
}

const textOf = (frame: Buffer | ArrayBuffer | Buffer[]): string => {
  if (Buffer.isBuffer(frame)) return frame.toString('utf8')
  return Array.isArray(frame) ? Buffer.concat(frame).toString('utf8') : Buffer.from(frame).toString('utf8')
}

/**
 * Callbacks and not an AsyncIterable: a promise a frame cost 1.5 µs, more than routing it. What is received is bounded
 * by the consumer, which must take every frame at once. No compression: inflating costs more than 40 KB/s are worth.
 */
export const openWebsocket = (url: string, protocols: string[], events: WebsocketEvents): Websocket => {
  const socket = new WebSocket(url, protocols, {
    maxPayload: MAX_FRAME_BYTES,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
    perMessageDeflate: false,
    skipUTF8Validation: true,
  })
  let reason = ''
  socket.on('open', () => events.opened(socket.protocol))
  socket.on('message', (frame) => events.text(textOf(frame), Date.now()))
  socket.on('error', (error) => {
    reason ||= error.message
  })
  socket.once('close', (code, text) => events.closed(reason || `code ${code} ${text.toString('utf8')}`.trim()))
  const terminate = (why: string): void => {
    reason ||= why
    socket.terminate()
  }
  const send = (text: string): void => {
    if (socket.readyState !== WebSocket.OPEN) return
    if (socket.bufferedAmount > MAX_UNSENT_BYTES) return terminate('the peer does not read what we send')
    socket.send(text)
  }
  return { send, terminate }
}
