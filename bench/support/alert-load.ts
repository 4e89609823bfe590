import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { createAlertVenue, type Change } from '../../test/support/alert-venue.ts'
import { createFlow, gammaText } from '../../test/support/normalizer-flow.ts'

/** Frames of a venue at a rate, from a process of its own: `alert-load.ts <redis url> <markets> <frames a second>`. */
const [, , redisUrl = '', marketCount = '500', rate = '2000'] = process.argv
/** Each waits for its own appends: so many are under way at once. */
const LANES = 20
const PERIOD_MS = 20
const ids = Array.from({ length: Number(marketCount) }, (_, at) => String(1_000 + at))

const redis = new Redis(redisUrl)
const catalogue = createFlow(redis)
for (let at = 0; at < ids.length; at += 50) await catalogue.catalogue(ids.slice(at, at + 50).map((id) => gammaText(id)))

const cents = (price: number): string => (price / 100).toFixed(2)

/** Ten levels a side around a mid that wanders; a frame in ten is a trade. */
const runLane = async (lane: string[]): Promise<void> => {
  const venue = createAlertVenue(createFlow(redis))
  const bids = new Map(lane.map((id) => [id, 30 + Math.floor(Math.random() * 40)]))
  for (const id of lane) {
    const bid = bids.get(id) ?? 50
    await venue.quote(id, cents(bid), cents(bid + 2), '500')
    const level = (at: number): Change[] => [['BUY', cents(bid - at), '500'], ['SELL', cents(bid + 2 + at), '500']] // prettier-ignore
    await venue.batch(id, Array.from({ length: 9 }, (_, at) => level(at + 1)).flat())
  }
  console.log('lane')
  let sent = 0
  for (const startTimeMs = Date.now(); ; await sleep(PERIOD_MS)) {
    for (; sent < ((Date.now() - startTimeMs) * Number(rate)) / LANES / 1_000; sent++) {
      const id = lane[Math.floor(Math.random() * lane.length)] ?? ''
      const bid = bids.get(id) ?? 50
      const dice = Math.random()
      if (dice < 0.1) await venue.trade(id, String(Math.ceil(Math.random() * 1_000)), `0x${sent}${id}`)
      else if (dice < 0.8)
        await venue.batch(id, [['BUY', cents(bid - Math.floor(Math.random() * 9)), String(100 + (sent % 900))]]) // prettier-ignore
      else if (dice < 0.9 && bid < 85) {
        await venue.batch(id, [['SELL', cents(bid + 2), '0']])
        bids.set(id, bid + 1)
        await venue.batch(id, [['BUY', cents(bid + 1), '500'], ['SELL', cents(bid + 12), '500']]) // prettier-ignore
        sent += 2
      } else if (bid > 15) {
        await venue.batch(id, [['BUY', cents(bid), '0']])
        bids.set(id, bid - 1)
        await venue.batch(id, [['SELL', cents(bid + 1), '500'], ['BUY', cents(bid - 10), '500']]) // prettier-ignore
        sent += 2
      }
    }
  }
}

await Promise.all(Array.from({ length: LANES }, (_, lane) => runLane(ids.filter((_id, at) => at % LANES === lane))))
