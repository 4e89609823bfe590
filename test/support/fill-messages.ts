import type { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'

export type FillMessage = Record<string, unknown>

/** What the channel `fills` says from now on, until the test is over. */
export const listenToFills = async ({ connect }: { connect: () => Redis }): Promise<FillMessage[]> => {
  const messages: FillMessage[] = []
  const subscriber = connect()
  onTestFinished(() => subscriber.disconnect())
  subscriber.on('message', (_channel, text: string) => messages.push(JSON.parse(text)))
  await subscriber.subscribe('fills')
  return messages
}
