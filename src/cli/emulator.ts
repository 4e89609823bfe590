import { parseArgs } from 'node:util'
import { EMULATOR_DEFAULTS, openEmulator } from '../emulator/emulator.ts'

const USAGE = `Usage: npm run emulator -- [--port 0] [--markets 20] [--rate 100] [--seed 1] [--levels 20]
                           [--unheard] [--log <file>] [--replay <file> [--speed 1]]
  --rate    frames a second over all connections
  --unheard markets that once had a subscriber go on without one
  --log     JSON lines: the venue's own tape (connection 0), every frame sent, every book answered (connection -1)
  --replay  plays a file of {"receivedAt", "payloadUtf8"} lines; --speed 0 is as fast as it goes
Prints one JSON line with its urls when it listens, on 127.0.0.1 only.`

const numberOf = (name: string, text: string | undefined, initial: number): number => {
  const value = text === undefined ? initial : Number(text)
  if (!Number.isFinite(value) || value < 0 || text === '')
    throw new Error(`--${name}: expected a number, got "${text}"`)
  return value
}

const read = () => {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      port: text,
      markets: text,
      rate: text,
      seed: text,
      levels: text,
      log: text,
      replay: text,
      speed: text,
      unheard: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  })
  return values
}

const main = async (): Promise<void> => {
  const values = read()
  if (values.help === true) {
    console.log(USAGE)
    return
  }
  const path = values.replay
  const emulator = await openEmulator({
    port: numberOf('port', values.port, EMULATOR_DEFAULTS.port),
    marketCount: Math.trunc(numberOf('markets', values.markets, EMULATOR_DEFAULTS.marketCount)),
    rate: numberOf('rate', values.rate, EMULATOR_DEFAULTS.rate),
    seed: Math.trunc(numberOf('seed', values.seed, EMULATOR_DEFAULTS.seed)),
    levelCount: Math.trunc(numberOf('levels', values.levels, EMULATOR_DEFAULTS.levelCount)),
    isUnheard: values.unheard === true,
    logPath: values.log,
    replay: path === undefined ? undefined : { path, speed: numberOf('speed', values.speed, 1) },
  })
  for (const { line, reason } of emulator.replay().skipped) console.error(`${path ?? ''}:${line}: skipped: ${reason}`)
  console.log(JSON.stringify({ urls: emulator.urls }))
  const stop = (): void => {
    void emulator[Symbol.asyncDispose]().then(() => process.exit(0))
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
}

try {
  await main()
} catch (error) {
  console.error(`emulator: ${error instanceof Error ? error.message : String(error)}\n${USAGE}`)
  process.exitCode = 1
}
