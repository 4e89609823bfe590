import type { Frame } from '../domain/frame.ts'
import { UNROUTABLE_STREAM } from '../domain/keys.ts'
import { splitArray } from '../lib/json-elements.ts'
import type { Live, SlotDeps } from './live.ts'
import { noteElement } from './sighting.ts'

type Times = Pick<Frame, 'receivedTimeMs' | 'sourceReceivedTimeMs'>

/** What was shed came all the same: nothing of the socket is missing. */
const noteArrival = ({ known, awaiting }: Live, element: string, receivedTimeMs: number): void => {
  const bookToken = noteElement(known, element, receivedTimeMs)
  if (bookToken !== undefined) awaiting.delete(bookToken)
}

/** The figure that counts an element of a book which does not go into the stream, if so. */
const keptFrom = ({ shed, unasked }: Live, stream: string, element: string, timeMs: number): string | undefined => {
  if (unasked.takes(stream, element, timeMs)) return 'framesUnasked'
  return shed.takes(stream, element, timeMs) ? 'framesShed' : undefined
}

/** Takes one text of the socket apart and puts its elements into the streams they belong to. */
export const takeFrame = (live: Live, text: string, times: Times, { stats, route }: SlotDeps): void => {
  stats.set('newestFrameTimeMs', times.receivedTimeMs)
  const elements = text.startsWith('[') ? (splitArray(text) ?? [text]) : [text]
  for (const element of elements) {
    if (element === '' || element.trim() === '') continue
    const stream = route(element)
    if (stream === UNROUTABLE_STREAM) stats.count('unroutable')
    stats.count('frames')
    const kept = keptFrom(live, stream, element, times.receivedTimeMs)
    if (kept !== undefined) {
      stats.count(kept)
      noteArrival(live, element, times.receivedTimeMs)
      continue
    }
    live.log.push(stream, { kind: 'websocket', ...times, text: element })
    noteArrival(live, element, times.receivedTimeMs)
  }
}
