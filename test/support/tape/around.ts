import type { Sent, TokenTape } from './sent.ts'

const BEFORE_MS = 400
const AFTER_MS = 700

const textOf = (sent: Sent): string => {
  const at = new Date(sent.timeMs).toISOString().slice(17, 23)
  switch (sent.type) {
    case 'book':
      return `${at} ${sent.hash.slice(0, 6)} book of ${sent.levels.bid.size} and ${sent.levels.ask.size} levels`
    case 'change':
      return `${at} ${sent.hash.slice(0, 6)} ${sent.row.side} ${sent.row.price} ${sent.row.size}`
    case 'best':
      return `${at} quote ${sent.bid} ${sent.ask}`
    case 'trade':
    case 'tick':
      return `${at} ${sent.type}`
  }
}

/** What the venue did to a token near an instant, and what of it each connection was sent: evidence for a report. */
export const textsAround = ({ tape, connections }: TokenTape, timeMs: number): string[] =>
  [[0, tape] as const, ...connections].flatMap(([connection, all]) =>
    all
      .filter((sent) => sent.timeMs >= timeMs - BEFORE_MS && sent.timeMs <= timeMs + AFTER_MS)
      .map((sent) => `${connection === 0 ? 'venue' : `connection ${connection}`} ${textOf(sent)}`),
  )
