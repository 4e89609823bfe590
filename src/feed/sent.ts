import type { Live } from './live.ts'

/**
 * What one socket was told of a token last: `leaving` until the venue has read the unsubscribe. A subscribe frame minus an
 * unsubscribe frame is all that is known of the venue's side, which acknowledges neither.
 */
export type Sent = { state: 'subscribed' | 'leaving' | 'left'; sinceMs: number }

type Channel = { subscribe(tokens: string[], isFirst: boolean): string[]; unsubscribe(tokens: string[]): string[] }

export const sendSubscribe = (live: Live, channel: Channel, tokens: string[]): void => {
  live.connection.send(channel.subscribe(tokens, !live.hasSubscribed))
  live.hasSubscribed = true
  const sinceMs = Date.now()
  for (const token of tokens) live.sent.set(token, { state: 'subscribed', sinceMs })
}

/** Sends the frame; `read` is called when the venue has read it. */
export const sendUnsubscribe = (live: Live, channel: Channel, tokens: string[], read = (): void => undefined): void => {
  live.connection.send(channel.unsubscribe(tokens))
  const sent: Sent = { state: 'leaving', sinceMs: Date.now() }
  for (const token of tokens) live.sent.set(token, sent)
  live.connection.confirm(() => {
    for (const token of tokens) {
      if (live.sent.get(token) === sent) live.sent.set(token, { state: 'left', sinceMs: Date.now() })
    }
    read()
  })
}
