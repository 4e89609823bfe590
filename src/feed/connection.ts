import { every } from '../lib/every.ts'
import { openWebsocket } from '../lib/websocket.ts'

/** Texts of the venue's channel, injected: the feed knows frames, not their meaning. */
export type Channel = {
  ping: string
  pong: string
  pingEveryMs: number
  replayProtocol: string
  subscribe(tokens: string[], isFirst: boolean): string[]
  unsubscribe(tokens: string[]): string[]
}

type ConnectionEvents = {
  opened(): void
  frame(text: string, receivedTimeMs: number, sourceReceivedTimeMs: number | undefined): void
  /** How long the PONG of a PING took to come, queued frames before it included. */
  answered(roundTripMs: number): void
  closed(reason: string): void
}

export type Connection = {
  send(texts: string[]): void
  /** Calls back when the PONG of a PING sent now has arrived: all that was sent before has been read by the venue. */
  confirm(confirmed: () => void): void
  /** Time of the newest frame that was not a PONG; of the opening before the first. */
  newestFrameTimeMs(): number
  close(reason: string): void
}

/** PING every 10 s, any frame counts as life: two unanswered ones and no frame at all mean a dead socket. */
const DEAD_AFTER_MS = 20_000
/** On a busy socket PONG queues behind frames; so many say that it never comes, and nothing could be confirmed. */
const MAX_UNANSWERED_PINGS = 100
const SOURCE_TIME = /^(\d{1,16}) /

type ConnectionOptions = { url: string; channel: Channel; isReplay: boolean; events: ConnectionEvents }

/**
 * One socket. PONGs are matched to PINGs in order: if one is lost, a confirmation comes with a later PONG, never early.
 * The server of a replay selects a subprotocol and puts the file's receive time before each frame.
 */
export const openConnection = ({ url, channel, isReplay, events }: ConnectionOptions): Connection => {
  const ended = new AbortController()
  const awaitingPong: (() => void)[] = []
  let hasSourceTimes = false
  let lifeTimeMs = Date.now()
  let newestFrameTimeMs = Date.now()
  const ping = (confirmed: () => void): void => {
    awaitingPong.push(confirmed)
    if (awaitingPong.length > MAX_UNANSWERED_PINGS) return socket.terminate(`${MAX_UNANSWERED_PINGS} PINGs unanswered`)
    socket.send(channel.ping)
  }
  const measure = (): void => {
    const sentMs = performance.now()
    ping(() => events.answered(performance.now() - sentMs))
  }
  const take = (text: string, receivedTimeMs: number): void => {
    lifeTimeMs = receivedTimeMs
    if (text.length < 8 && text.trim() === channel.pong) return awaitingPong.shift()?.()
    newestFrameTimeMs = receivedTimeMs
    const match = hasSourceTimes ? SOURCE_TIME.exec(text) : null
    if (match === null) events.frame(text, receivedTimeMs, undefined)
    else events.frame(text.slice(match[0].length), receivedTimeMs, Number(match[1]))
  }
  const opened = (protocol: string): void => {
    hasSourceTimes = isReplay && protocol === channel.replayProtocol
    lifeTimeMs = newestFrameTimeMs = Date.now()
    every(channel.pingEveryMs, measure, ended.signal)
    every(1_000, endIfDead, ended.signal)
    events.opened()
  }
  const endIfDead = (): void => {
    if (Date.now() - lifeTimeMs > DEAD_AFTER_MS) socket.terminate('no frame of any kind for 20 s')
  }
  const closed = (reason: string): void => {
    ended.abort()
    events.closed(reason)
  }
  const protocols = isReplay ? [channel.replayProtocol] : []
  const socket = openWebsocket(url, protocols, { opened, text: take, closed })
  return {
    send: (texts) => {
      for (const text of texts) socket.send(text)
    },
    confirm: ping,
    newestFrameTimeMs: () => newestFrameTimeMs,
    close: (reason) => socket.terminate(reason),
  }
}
