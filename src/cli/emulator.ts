import { parseArgs } from 'node:util'
import { EMULATOR_DEFAULTS, openEmulator } from '../emulator/emulator.ts'
import { NO_TRADE_FAULTS } from '../emulator/trade-faults.ts'

const USAGE = `Usage: npm run emulator -- [--port 0] [--markets 20] [--rate 100] [--seed 1] [--levels 20]
                           [--unheard] [--log <file>] [--replay <file> [--speed 1]]
                           [--wallets 1000] [--activity 0.01] [--late 0] [--socket-miss 0] [--data-miss 0]
                           [--repeat 0] [--equal-fills 0.15] [--sweeps 0.08]
  --rate    frames a second over all connections
  --unheard markets that once had a subscriber go on without one
  --wallets   who trades; --activity is the share of actions beside which one splits or merges
  --late      ms by which the Data API shows a fill later, at most
  --socket-miss, --data-miss  shares of fills that one source never tells of; none is missed by both
  --repeat    share of pages of /trades that begin with the end of the page before
  --equal-fills, --sweeps  shares of equal fills in one transaction, of orders that meet several levels
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
      wallets: text,
      activity: text,
      late: text,
      'socket-miss': text,
      'data-miss': text,
      repeat: text,
      'equal-fills': text,
      sweeps: text,
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
    walletCount: Math.trunc(numberOf('wallets', values.wallets, EMULATOR_DEFAULTS.walletCount)),
    activityShare: numberOf('activity', values.activity, EMULATOR_DEFAULTS.activityShare),
    tradeFaults: {
      lateMs: Math.trunc(numberOf('late', values.late, NO_TRADE_FAULTS.lateMs)),
      socketMissShare: numberOf('socket-miss', values['socket-miss'], NO_TRADE_FAULTS.socketMissShare),
      dataMissShare: numberOf('data-miss', values['data-miss'], NO_TRADE_FAULTS.dataMissShare),
      repeatShare: numberOf('repeat', values.repeat, NO_TRADE_FAULTS.repeatShare),
      equalShare: numberOf('equal-fills', values['equal-fills'], NO_TRADE_FAULTS.equalShare),
      sweepShare: numberOf('sweeps', values.sweeps, NO_TRADE_FAULTS.sweepShare),
    },
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
