import { statSync, truncateSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { z } from 'zod'
import type { Config } from '../config.ts'
import type { KeptProcess } from './kept-process.ts'
import type { ProcessSpec } from './launch.ts'
import { whyVenueIsUnreachable } from './live-probe.ts'
import { waitUntil } from './ports.ts'
import { REPOSITORY, nodeArgs } from './repository.ts'
import type { StartOptions, VenueChoice } from './options.ts'
import type { Site } from './site.ts'
import { startOnPort } from './start-on-port.ts'

export type VenueUrls = { ws: string; gamma: string; clob: string; data: string }
export type Venue = { urls: VenueUrls; kept: KeptProcess | undefined; said: string }

const announcement = z.object({
  urls: z.object({ ws: z.string(), gamma: z.string(), clob: z.string(), data: z.string() }),
})

/** What is really used: a live service that does not answer is replaced by the emulator, and the reason is shown. */
export const chooseVenue = async (
  choice: VenueChoice,
  config: Config,
): Promise<{ choice: VenueChoice; banner: string | undefined }> => {
  if (choice.type === 'replay') {
    const file = resolve(choice.file)
    if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) throw new Error(`there is no replay file ${file}`)
    return { choice: { type: 'replay', file }, banner: undefined }
  }
  if (choice.type === 'emulator') return { choice, banner: undefined }
  const reason = await whyVenueIsUnreachable(config)
  return reason === undefined ? { choice, banner: undefined } : { choice: { type: 'emulator' }, banner: reason }
}

const announced = async (logPath: string): Promise<VenueUrls> => {
  const line = (await readFile(logPath, 'utf8')).split('\n').find((text) => text.startsWith('{"urls"'))
  if (line === undefined) throw new Error('the emulator has not said where it listens')
  return announcement.parse(JSON.parse(line)).urls
}

const emptied = (path: string): void => {
  try {
    truncateSync(path, 0)
  } catch {
    // not there yet
  }
}

const emulatorSpec = (site: Site, args: string[], port: number): ProcessSpec => {
  const logPath = site.state.logPath('emulator')
  // Its announcement is read from the log: one of an earlier run must not be taken for it.
  emptied(logPath)
  return {
    name: 'emulator',
    kind: 'venue',
    command: process.execPath,
    args: nodeArgs(site.compiled, 'cli/emulator', ['--port', String(port), ...args]),
    env: site.env,
    cwd: REPOSITORY,
    user: undefined,
    stopSignal: 'SIGTERM',
    logPath,
    ready: (signal) => waitUntil(async () => void (await announced(logPath)), 30_000, signal),
  }
}

const emulatorArgs = (choice: VenueChoice, options: StartOptions): string[] => {
  if (choice.type === 'replay') return ['--replay', choice.file, '--speed', String(options.speed)]
  return ['--markets', String(options.emulatorMarkets), '--rate', String(options.emulatorRate)]
}

/** The addresses of the venue; starts the emulator where it stands in for the live one or plays a file. */
export const openVenue = async (
  site: Site,
  choice: VenueChoice,
  options: StartOptions & { config: Config },
): Promise<Venue> => {
  if (choice.type === 'live') {
    const { POLYMARKET_WS_URL: ws, POLYMARKET_GAMMA_URL: gamma } = options.config
    const { POLYMARKET_CLOB_URL: clob, POLYMARKET_DATA_URL: data } = options.config
    return { urls: { ws, gamma, clob, data }, kept: undefined, said: `Venue     live, ${ws}` }
  }
  const args = emulatorArgs(choice, options)
  const { kept } = await startOnPort(site, 'emulator', 17777, (port) => emulatorSpec(site, args, port))
  const urls = await announced(site.state.logPath('emulator'))
  const what =
    choice.type === 'replay' ? `replay of ${choice.file}` : `emulator, ${args.join(' ').replaceAll('--', '')}`
  return { urls, kept, said: `Venue     ${what}, ${urls.ws}` }
}
