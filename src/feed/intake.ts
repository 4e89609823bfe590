import type { Frame } from '../domain/frame.ts'
import { UNROUTABLE_STREAM } from '../domain/keys.ts'
import { splitArray } from '../lib/json-elements.ts'
import type { Live, SlotDeps } from './live.ts'
import { noteElement } from './sighting.ts'

type Times = Pick<Frame, 'receivedTimeMs' | 'sourceReceivedTimeMs'>

/** Takes one text of the socket apart and puts its elements into the streams they belong to. */
export const takeFrame = (live: Live, text: string, times: Times, { stats, route }: SlotDeps): void => {
  stats.set('newestFrameTimeMs', times.receivedTimeMs)
  const elements = text.startsWith('[') ? (splitArray(text) ?? [text]) : [text]
  for (const element of elements) {
    if (element === '' || element.trim() === '') continue
    const stream = route(element)
    if (stream === UNROUTABLE_STREAM) stats.count('unroutable')
    stats.count('frames')
    live.log.push(stream, { kind: 'websocket', ...times, text: element })
    const bookToken = noteElement(live.known, element, times.receivedTimeMs)
    if (bookToken !== undefined) live.awaiting.delete(bookToken)
  }
}
