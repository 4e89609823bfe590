import type { Sent, TokenTape } from './sent.ts'

const BEFORE_MS = 400
const AFTER_MS = 700
const MOST_TEXTS = 80

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

/** What the venue did to a token in a span, and what of it each connection was sent: evidence for a report. */
export const textsAround = ({ tape, connections }: TokenTape, fromMs: number, toMs: number): string[] =>
  [[0, tape] as const, ...connections].flatMap(([connection, all]) =>
    all
      .filter((sent) => sent.timeMs >= fromMs - BEFORE_MS && sent.timeMs <= toMs + AFTER_MS)
      .slice(-MOST_TEXTS)
      .map((sent) => `${connection === 0 ? 'venue' : `connection ${connection}`} ${textOf(sent)}`),
  )
