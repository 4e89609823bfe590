import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openRecording, type Recording } from '../support/recording.ts'
import { missingLines, readRunbook, type } from '../support/runbook.ts'
import { until } from '../support/system.ts'
import { queryStatus, runTemporal } from '../support/temporal-command.ts'

/** Recorded by the policy; 516710 is there too, for an operator to start. */
const MARKET_IDS = Array.from({ length: 20 }, (_, index) => String(516717 + 7 * index))

let recording: Recording

beforeAll(async () => {
  const env = { POLYTAPE_MARKETS: MARKET_IDS.join(',') }
  recording = await openRecording({ markets: 20, rate: 300, env, venueArgs: ['--markets', '21'] })
})

afterAll(() => recording[Symbol.asyncDispose]())

const quotesSay = async (state: string, marketIds: string[]): Promise<void> => {
  await until(`quotes of ${marketIds.join(' ')} to be ${state}`, async () => {
    const sql = 'select market_id as id from quotes_live where state = $1 and market_id = any($2)'
    const { rows } = await recording.pool.query<{ id: string }>(sql, [state, marketIds])
    return rows.length === marketIds.length || undefined
  })
}

const statusSays = (marketId: string, part: string): Promise<boolean> =>
  until(
    `status of ${marketId} to say ${part}`,
    async () => (await queryStatus(recording.system, marketId)).text.includes(part) || undefined,
  )

const describeSchedule = async (): Promise<string> => {
  const words = ['schedule', 'describe', '--schedule-id', 'refreshCatalog', '--output', 'json']
  return (await runTemporal(recording.system, ...words)).text
}
/** Far less than until the schedule's own next run. */
const refreshStartedAfter = (timeText: string): Promise<boolean> =>
  until(
    'a run of refreshCatalog',
    async () => {
      const query = `WorkflowType='refreshCatalog' AND StartTime > '${timeText}'`
      return (
        (await runTemporal(recording.system, 'workflow', 'list', '--query', query)).text.includes('refreshCatalog') ||
        undefined
      )
    },
    25_000,
  )
const countSays = (query: string, total: number): Promise<boolean> =>
  until(
    `${total} of ${query}`,
    async () =>
      (await runTemporal(recording.system, 'workflow', 'count', '--query', query)).text.includes(`Total: ${total}\n`) ||
      undefined,
  )
const isListedLive = (marketId: string): Promise<boolean> =>
  countSays(`WorkflowId='market:${marketId}' AND ExecutionStatus='Running' AND MarketState='live'`, 1)

/** In the quotes, in the workflows, and as far as the server's batch is concerned. */
const manyAre = async (state: string): Promise<void> => {
  await quotesSay(state, MARKET_IDS)
  await countSays(`WorkflowType='marketSubscription' AND ExecutionStatus='Running' AND MarketState!='${state}'`, 0)
  await until(
    'the batch to be through',
    async () => !(await runTemporal(recording.system, 'batch', 'list')).text.includes('Running') || undefined,
  )
}
const schedulePaused = (isPaused: boolean): Promise<boolean> =>
  until(
    `the schedule's pause to be ${isPaused}`,
    async () => /"paused":\s*true/.test(await describeSchedule()) === isPaused || undefined,
  )

const start = 'workflow start --type marketSubscription --task-queue control --workflow-id'

/** What must come of a command that has these words. A new task is a block in RUNBOOK.md and, where it changes something, a line here. */
const EFFECTS: [words: string, effect: (typedTime: string) => Promise<unknown>][] = [
  [`${start} market:516710`, () => isListedLive('516710')],
  ['--fail-existing', () => isListedLive('516710')],
  ['market:516745 --name pause', () => statusSays('516745', '"observed":"paused"')],
  ['market:516745 --name setState', () => quotesSay('live', ['516745'])],
  ['market:516745 --name setDepth --input 5', () => statusSays('516745', '"depth":5')],
  ['market:516745 --name stop', () => quotesSay('stopped', ['516745'])],
  [`${start} market:516745`, () => isListedLive('516745')],
  ["MarketState='live'\" --name pause", () => manyAre('paused')],
  ["MarketState='paused'\" --name resume", () => manyAre('live')],
  [`--workflow-id everything --input '{"state":"paused"}'`, () => quotesSay('paused', MARKET_IDS)],
  [`--workflow-id everything --input '{"state":"active"}'`, () => quotesSay('live', MARKET_IDS)],
  ['market:516752 --name setState', () => statusSays('516752', '"desired":"active"')],
  ['market:516752 --name setDepth --input -1', () => statusSays('516752', '"depth":0')],
  ['schedule trigger', refreshStartedAfter],
  ['--schedule-id refreshCatalog --pause', () => schedulePaused(true)],
  ['--schedule-id refreshCatalog --unpause', () => schedulePaused(false)],
]

const oneLine = (command: string): string => command.replaceAll('\\\n', ' ').replaceAll(/\s+/g, ' ')
const isRefused = (output: string): boolean => output.includes('level=ERROR')

describe('an operator who types what RUNBOOK.md says', () => {
  const commands = readRunbook().map((typed) => [oneLine(typed.command), typed] as const)

  test.each(commands)('gets what it says: %s', async (line, { command, output }) => {
    // One that comes while a run goes on is passed over.
    if (line.includes('schedule trigger'))
      await countSays("WorkflowType='refreshCatalog' AND ExecutionStatus='Running'", 0)
    const typedTime = new Date().toISOString()
    const typed = await type(recording.system, command)
    expect(missingLines(output, typed.text), `the real output is\n${typed.text}`).toEqual([])
    expect(typed.code === 0, typed.text).toBe(!isRefused(output))
    for (const [words, effect] of EFFECTS) if (line.includes(words)) await effect(typedTime)
  })

  test('finds every task there', () => {
    const tasks = EFFECTS.map(([words]) => words)
    expect(tasks.filter((words) => !commands.some(([line]) => line.includes(words)))).toEqual([])
  })
})
