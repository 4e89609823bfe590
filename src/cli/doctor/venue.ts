import { z } from 'zod'
import { openWebsocket } from '../../lib/websocket.ts'
import { MARKET_CHANNEL, marketChannelUrl } from '../../venue/polymarket/market-channel.ts'
import { examine, fail, ok, warn, type Finding, type Verdict } from './finding.ts'
import { msText } from './numbers.ts'
import type { Patient } from './probe.ts'
import { skewVerdict } from './skew.ts'

const AREA = 'venue'
const CALL_MS = 7_000
const REMEDY = 'see whether a browser on this machine reaches it: a proxy, a firewall or the country may be in the way'

const WAIT = 'try again in a minute'

type Answer = { text: string; tookMs: number; sentMs: number; receivedMs: number; date: string | null }

/** Without user and password. */
const shownUrl = (url: string): string => {
  const address = new URL(url)
  return `${address.origin}${address.pathname}`
}

const ask = async (base: string, path: string, init: RequestInit = {}): Promise<Answer> => {
  const url = `${base.replace(/\/+$/, '')}/${path}`
  const sentMs = Date.now()
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(CALL_MS) })
  const text = await response.text()
  const receivedMs = Date.now()
  if (!response.ok) throw new Error(`${shownUrl(url)} answered ${response.status}`)
  return { text, tookMs: receivedMs - sentMs, sentMs, receivedMs, date: response.headers.get('date') }
}

const listing = z.object({ markets: z.array(z.object({ clobTokenIds: z.string().optional() })) })
const tokens = z.array(z.string())

/** A token of the busiest market: its book is there, and moves. */
const busiestToken = (text: string): string => {
  const { markets } = listing.parse(JSON.parse(text))
  const token = markets.flatMap(({ clobTokenIds }) => tokens.parse(JSON.parse(clobTokenIds ?? '[]')))[0]
  if (token === undefined) throw new Error('Gamma lists no market with a token')
  return token
}

const LISTING = 'markets/keyset?limit=5&closed=false&order=volume24hr&ascending=false'

/** Where Gamma named no token, it is asked for the time: that it answers at all is worth a line. */
const bookVerdict = async (base: string, token: string | undefined): Promise<Verdict> => {
  if (token === undefined) {
    const { tookMs } = await ask(base, 'time')
    return warn(
      `${shownUrl(base)} answers in ${msText(tookMs)}; no book was asked for, since Gamma named no token`,
      WAIT,
    )
  }
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify([{ token_id: token }])
  const { text, tookMs } = await ask(base, 'books', { method: 'POST', headers, body })
  const books = z.array(z.object({ asset_id: z.string() })).parse(JSON.parse(text))
  if (books.length === 0) return fail(`${shownUrl(base)} has no book of a market that Gamma lists`, WAIT)
  return ok(`${shownUrl(base)} gave a book in ${msText(tookMs)}`)
}

const tradesVerdict = async (base: string): Promise<Verdict> => {
  const { text, tookMs } = await ask(base, 'trades?limit=1')
  const trades = z.array(z.unknown()).parse(JSON.parse(text))
  return ok(`${shownUrl(base)} gave ${trades.length} trade in ${msText(tookMs)}`)
}

const BOOK_MS = 7_000

const { ping, pong, subscribe } = MARKET_CHANNEL

/** Opens, subscribes, and waits for the book that the venue sends first; for a PONG where Gamma named no token. */
const socketVerdict = (url: string, token: string | undefined): Promise<Verdict> =>
  new Promise((resolve) => {
    const startedMs = performance.now()
    let isOpen = false
    const settle = (verdict: Verdict): void => {
      clearTimeout(timer)
      resolve(verdict)
      socket.terminate('looked at')
    }
    const said = (what: string): string => `${shownUrl(url)} ${what} in ${msText(performance.now() - startedMs)}`
    const socket = openWebsocket(marketChannelUrl(url), [], {
      opened: () => {
        isOpen = true
        for (const text of token === undefined ? [ping] : subscribe([token], true)) socket.send(text)
      },
      text: (text) => {
        if (text.includes('"book"')) settle(ok(said('opened and gave a book')))
        if (text === pong) settle(warn(said('opened, no book was asked for, since Gamma named no token'), WAIT))
      },
      closed: (reason) => settle(fail(`${shownUrl(url)} closed: ${reason}`, REMEDY)),
    })
    const timer = setTimeout(() => {
      const how = isOpen ? 'opened, but gave no book' : 'did not open'
      settle(fail(`${shownUrl(url)} ${how} within ${BOOK_MS / 1_000} s`, REMEDY))
    }, BOOK_MS)
  })

/** HTTP tells the second that it was. */
const DATE_TOLERANCE_MS = 500

const clockVerdict = ({ date, sentMs, receivedMs }: Answer): Verdict => {
  if (date === null) return ok("it does not tell its time; the feed estimates the skew from the frames' own")
  const theirsMs = Date.parse(date) + DATE_TOLERANCE_MS
  return skewVerdict({ theirsMs, sentMs, receivedMs, toleranceMs: DATE_TOLERANCE_MS, whose: "the venue's" })
}

export const probeVenue = async ({ venue }: Patient): Promise<Finding[]> => {
  const listed = ask(venue.gamma, LISTING)
  const token = listed.then(({ text }) => busiestToken(text)).catch(() => undefined)
  const catalogue = async (): Promise<Verdict> => {
    const { text, tookMs } = await listed
    busiestToken(text)
    return ok(`${shownUrl(venue.gamma)} listed markets in ${msText(tookMs)}`)
  }
  // Of whichever answers.
  const clock = async (): Promise<Verdict> => clockVerdict(await Promise.any([listed, ask(venue.clob, 'time')]))
  return examine(AREA, [
    { what: 'Gamma', look: catalogue, remedy: REMEDY },
    { what: 'CLOB', look: async () => bookVerdict(venue.clob, await token), remedy: REMEDY, limitMs: 2 * CALL_MS },
    { what: 'Data API', look: () => tradesVerdict(venue.data), remedy: REMEDY },
    { what: 'websocket', look: async () => socketVerdict(venue.ws, await token), remedy: REMEDY, limitMs: 2 * CALL_MS },
    { what: 'clock', look: clock, remedy: REMEDY },
  ])
}
