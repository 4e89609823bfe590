import { readdirSync } from 'node:fs'
import { readConfig, type Config } from '../config.ts'
import { checkPolicy } from '../policy-file.ts'
import { openChildRecord, stopLeftovers } from './children.ts'
import { compile, keepCompiled } from './compile.ts'
import { acquireLock } from './lock.ts'
import { rotateLog } from './log-file.ts'
import type { StartOptions } from './options.ts'
import { removeStaleRunFile } from './run-file.ts'
import { createPlainScreen, createScreen, type Screen } from './screen.ts'
import type { Site } from './site.ts'
import { openStateDir, type StateDir } from './state-dir.ts'
import { showStatus } from './status.ts'
import { listenForStop, unlessStopped } from './stop-signals.ts'
import { bringDown, bringUp, type Plan, type Running } from './supervisor.ts'
import { chooseVenue } from './venue.ts'

const ROTATE_EVERY_MS = 5_000

const rotateLogs = (state: StateDir): void => {
  for (const name of readdirSync(state.path('logs'))) {
    if (name.endsWith('.log')) rotateLog(state.path('logs', name))
  }
}

const bannerLines = (reason: string): string[] => {
  const text = [
    'The live venue does not answer within 5 s:',
    reason,
    'Recording the built-in EMULATOR instead: these are made-up markets.',
  ]
  const rule = '━'.repeat(Math.min(100, Math.max(...text.map((line) => line.length))))
  return ['', rule, ...text, rule, '']
}

type Setting = { options: StartOptions; env: NodeJS.ProcessEnv; out: NodeJS.WriteStream }
type Ground = { state: StateDir; screen: Screen }

/** @throws Error where the options and POLYTAPE_POLICY both say what to record, or where the policy does not fit. */
const checkWhatToRecord = async ({ markets, top }: StartOptions, config: Config): Promise<void> => {
  if (config.POLYTAPE_POLICY !== undefined && (markets !== '' || top !== undefined)) {
    throw new Error('POLYTAPE_POLICY is set: it says what to record, so leave out --markets and --top, or unset it')
  }
  await checkPolicy(config)
}

/** Ids and slugs of the live venue mean nothing on the emulator that replaces it. */
const planOf = async ({ options, env }: Setting, say: (line: string) => void): Promise<Plan> => {
  const config = readConfig(env)
  await checkWhatToRecord(options, config)
  const { choice, banner } = await chooseVenue(options.venue, config)
  if (banner === undefined) return { choice, options: { ...options, config } }
  for (const line of bannerLines(banner)) say(line)
  if (options.markets !== '') say('--markets names markets of the live venue and is ignored')
  if (config.POLYTAPE_POLICY !== undefined) say('POLYTAPE_POLICY names what the live venue has and is ignored')
  const unnamed = { ...config, POLYTAPE_MARKETS: [], POLYTAPE_POLICY: undefined }
  return { choice, options: { ...options, config: unnamed, markets: '' } }
}

const openSite = (
  setting: Setting,
  { state, screen, compiled }: Ground & { compiled: string | undefined },
  plan: Plan,
) => {
  let running: Running | undefined
  const closing = new AbortController()
  const site: Site = {
    state,
    venue: plan.choice.type,
    env: setting.env,
    compiled,
    record: openChildRecord(state),
    kept: [],
    closing: closing.signal,
    changed: () => running?.runFile.write(site.kept),
    say: screen.say,
  }
  const up = async (): Promise<Running> => {
    running = await bringUp(site, plan)
    return running
  }
  const down = async (): Promise<void> => {
    closing.abort()
    const { runFile } = running ?? {}
    running = undefined
    await bringDown(site.kept)
    runFile?.remove()
  }
  return { site, up, down }
}

/** Works until a stop is asked for; whatever was started by then is stopped. */
const record = async (setting: Setting, ground: Ground): Promise<void> => {
  const { state, screen } = ground
  const left = await stopLeftovers(state)
  if (left.length > 0) screen.say(`stopped what an earlier start had left running: ${left.join(', ')}`)
  const plan = await planOf(setting, screen.say)
  const compiled = await compile(screen.say)
  const { site, up, down } = openSite(setting, { ...ground, compiled }, plan)
  const stop = listenForStop(() => site.kept.forEach((one) => one.kill()))
  const rotating = setInterval(() => {
    rotateLogs(state)
    if (compiled !== undefined) keepCompiled(compiled)
  }, ROTATE_EVERY_MS)
  try {
    const running = await unlessStopped(up(), stop)
    if (running === 'stopped') return
    const { addresses } = running
    await showStatus({ screen, addresses, kept: site.kept, venue: site.venue }, setting.out, stop)
  } finally {
    clearInterval(rotating)
    screen.clear()
    screen.say(stop.aborted ? 'stopping: roles, then servers …' : 'stopping what was started …')
    await down()
  }
}

const heldText = (state: StateDir, owner: { pid: number; sinceTimeMs: number }): string =>
  `polytape is already running in ${state.root}: pid ${owner.pid}, since ${new Date(owner.sinceTimeMs).toISOString()}; ` +
  `its addresses are in ${state.path('run.json')}`

/**
 * The supervisor from lock to lock.
 *
 * @returns the exit code: 0 after a stop that was asked for, 1 if it could not start or one is running already.
 */
export const start = async (setting: Setting): Promise<number> => {
  const { env, out } = setting
  const screen = out.isTTY ? createScreen(out) : createPlainScreen(out)
  const state = openStateDir(readConfig(env).POLYTAPE_STATE_DIR)
  const lock = acquireLock(state.path('lock'))
  if (lock.type === 'held') {
    screen.say(heldText(state, lock.owner))
    return 1
  }
  try {
    removeStaleRunFile(state)
    await record(setting, { state, screen })
    screen.say('stopped; the next start continues')
    return 0
  } finally {
    lock.release()
  }
}
