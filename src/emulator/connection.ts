import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'
import type { ConnectionFaults } from './faults.ts'
import { createConnectionFaults } from './faults.ts'
import type { VenueToken } from './market.ts'
import { encodeTextFrames } from './ws-frames.ts'

/** What went out for one token, on one connection or on all. Rows are those of an undisturbed receiver. */
export type Counts = {
  snapshots: number
  /** Levels of the snapshots; an empty snapshot counts as one row. */
  snapshotRows: number
  /** price_change elements that changed the level's value. */
  changed: number
  /** price_change elements that left it as it was. */
  unchanged: number
  /** Post-trade books, and the levels in which they differ from the book before. */
  books: number
  differenceRows: number
  trades: number
}

export const emptyCounts = (): Counts => ({
  snapshots: 0,
  snapshotRows: 0,
  changed: 0,
  unchanged: 0,
  books: 0,
  differenceRows: 0,
  trades: 0,
})

export type Subscription = { token: VenueToken; isActive: boolean; isMuted: boolean; counts: Counts }

/** A frame of the client, as the ledger keeps it. */
export type ReceivedFrame = {
  timeMs: number
  type: 'subscribe' | 'unsubscribe' | 'invalid'
  idCount: number
  newCount: number
}

/** A consumer whose unsent bytes pass this is closed. */
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024

export type ConnectionParts = { id: number; socket: WebSocket; stream: Duplex; isReplayClock: boolean; nowMs: number }

/** One websocket: what it is subscribed to and what was sent on it. Kept in the ledger after it closed. */
export class Connection {
  readonly id: number
  readonly openedTimeMs: number
  /** Frames are prefixed with the file's receive time. */
  readonly isReplayClock: boolean
  readonly subscriptions = new Map<string, Subscription>()
  readonly received: ReceivedFrame[] = []
  readonly faults: ConnectionFaults = createConnectionFaults()
  /** `custom_feature_enabled`: a property of the connection, not of a token. */
  isCustom = false
  isSubscribed = false
  closedTimeMs: number | undefined
  closeReason = ''
  framesSent = 0
  bytesSent = 0
  #pending: string[] = []
  readonly #socket: WebSocket
  readonly #stream: Duplex

  constructor(parts: ConnectionParts) {
    this.id = parts.id
    this.openedTimeMs = parts.nowMs
    this.isReplayClock = parts.isReplayClock
    this.#socket = parts.socket
    this.#stream = parts.stream
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount
  }

  /** Texts of one turn of the event loop go out in one system call. False when the socket is closing: nothing is sent. */
  send(text: string): boolean {
    if (this.#socket.readyState !== this.#socket.OPEN) return false
    if (this.#pending.length === 0) process.nextTick(() => this.#flush())
    this.bytesSent += text.length
    this.#pending.push(text)
    return true
  }

  close(reason: string, isAbrupt: boolean): void {
    if (this.closeReason === '') this.closeReason = reason
    this.#flush()
    if (isAbrupt) this.#socket.terminate()
    else this.#socket.close(1001, reason)
  }

  isSubscribedTo(token: string): boolean {
    return this.subscriptions.get(token)?.isActive === true
  }

  #flush(): void {
    const texts = this.#pending
    this.#pending = []
    if (texts.length === 0 || this.#socket.readyState !== this.#socket.OPEN) return
    this.#stream.write(encodeTextFrames(texts))
    if (this.#socket.bufferedAmount > MAX_BUFFERED_BYTES) this.close('slow_consumer', true)
  }
}
