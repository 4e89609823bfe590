import { z } from 'zod'
import { openWebsocket } from '../../lib/websocket.ts'
import { MARKET_CHANNEL, marketChannelUrl } from '../../venue/polymarket/market-channel.ts'
import { examine, fail, ok, type Finding, type Verdict } from './finding.ts'
import { msText } from './numbers.ts'
import type { Patient } from './probe.ts'
import { skewVerdict } from './skew.ts'

const AREA = 'venue'
const CALL_MS = 7_000
const REMEDY = 'see whether a browser on this machine reaches it: a proxy, a firewall or the country may be in the way'

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

const bookVerdict = async (base: string, token: string): Promise<Verdict> => {
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ token_id: token }]),
  }
  const { text, tookMs } = await ask(base, 'books', init)
  const books = z.array(z.object({ asset_id: z.string() })).parse(JSON.parse(text))
  if (books.length === 0)
    return fail(`${shownUrl(base)} has no book of a market that Gamma lists`, 'try again in a minute')
  return ok(`${shownUrl(base)} gave a book in ${msText(tookMs)}`)
}

const tradesVerdict = async (base: string): Promise<Verdict> => {
  const { text, tookMs } = await ask(base, 'trades?limit=1')
  const trades = z.array(z.unknown()).parse(JSON.parse(text))
  return ok(`${shownUrl(base)} gave ${trades.length} trade in ${msText(tookMs)}`)
}

const BOOK_MS = 7_000

/** Opens, subscribes, and waits for the book that the venue sends first. */
const socketVerdict = (url: string, token: string): Promise<Verdict> =>
  new Promise((resolve) => {
    const startedMs = performance.now()
    let isOpen = false
    const settle = (verdict: Verdict): void => {
      clearTimeout(timer)
      resolve(verdict)
      socket.terminate('looked at')
    }
    const socket = openWebsocket(marketChannelUrl(url), [], {
      opened: () => {
        isOpen = true
        for (const text of MARKET_CHANNEL.subscribe([token], true)) socket.send(text)
      },
      text: (text) => {
        const found = `${shownUrl(url)} opened and gave a book in ${msText(performance.now() - startedMs)}`
        if (text.includes('"book"')) settle(ok(found))
      },
      closed: (reason) => settle(fail(`${shownUrl(url)} closed: ${reason}`, REMEDY)),
    })
    const timer = setTimeout(() => {
      const found = `${shownUrl(url)} ${isOpen ? 'opened, but gave no book' : 'did not open'} within ${BOOK_MS / 1_000} s`
      settle(fail(found, REMEDY))
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
  const token = listed.then(({ text }) => busiestToken(text))
  // Each look that needs it tells its failure.
  token.catch(() => undefined)
  const catalogue = async (): Promise<Verdict> => {
    await token
    return ok(`${shownUrl(venue.gamma)} listed markets in ${msText((await listed).tookMs)}`)
  }
  return examine(AREA, [
    { what: 'Gamma', look: catalogue, remedy: REMEDY },
    { what: 'CLOB', look: async () => bookVerdict(venue.clob, await token), remedy: REMEDY, limitMs: 2 * CALL_MS },
    { what: 'Data API', look: () => tradesVerdict(venue.data), remedy: REMEDY },
    { what: 'websocket', look: async () => socketVerdict(venue.ws, await token), remedy: REMEDY, limitMs: 2 * CALL_MS },
    { what: 'clock', look: async () => clockVerdict(await listed), remedy: REMEDY },
  ])
}
