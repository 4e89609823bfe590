import { parseArgs } from 'node:util'
import { measureLatency } from './scenarios/latency.ts'
import { timedTable } from './support/table.ts'

/** One rate, as long as wanted: `npm run bench:latency -- --rate 1000 --seconds 60`. */
const text = { type: 'string' } as const
const { values } = parseArgs({
  options: {
    markets: { ...text, default: '200' },
    rate: { ...text, default: '1000' },
    seconds: { ...text, default: '60' },
    shards: { ...text, default: '1' },
  },
})
const WARM_UP_MS = 20_000

const options = {
  markets: Number(values.markets),
  rate: Number(values.rate),
  seconds: Number(values.seconds),
  shards: Number(values.shards),
  warmUpMs: WARM_UP_MS,
}
const what = `${options.markets} markets, ${options.rate} frames/s for ${options.seconds} s`
await timedTable('latency', what, () => measureLatency(options, {}, console.log))
process.exit(0)
