import { Connection } from '@temporalio/client'
import { loadClientConfigProfile, toClientOptions } from '@temporalio/envconfig'
import type { KeptProcess } from './kept-process.ts'
import type { ProcessSpec } from './launch.ts'
import { freePort, waitUntil } from './ports.ts'
import { registerSearchAttributes, SEARCH_ATTRIBUTES } from './search-attributes.ts'
import type { Site } from './site.ts'
import { startOnPort } from './start-on-port.ts'
import { preferredPort, rememberPort } from './state-dir.ts'
import { buildTemporal, downloadTemporal, findTemporal } from './temporal-install.ts'

export type Temporal = {
  address: string
  uiUrl: string | undefined
  cli: string | undefined
  kept: KeptProcess | undefined
  said: string
}

/** @throws Error until the namespace `default` is served. */
const pingTemporal = async (address: string): Promise<void> => {
  const connection = await Connection.connect({ address, connectTimeout: 2_000 })
  try {
    await connection.workflowService.describeNamespace({ namespace: 'default' })
  } finally {
    await connection.close()
  }
}

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n')[0]?.slice(0, 140) ?? ''

/** PATH, tool cache, the SDK's download, go install. @throws Error that names what was tried. */
export const obtainTemporal = async (
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<{ path: string; where: string }> => {
  const found = await findTemporal()
  if (found !== undefined) return found
  say('temporal is neither on PATH nor in the tool cache, downloading …')
  try {
    return { path: await downloadTemporal(), where: 'downloaded by the SDK' }
  } catch (error) {
    say(`the download failed (${messageOf(error)}), building from source with Go (about 3 minutes on 2 cores) …`)
  }
  return { path: await buildTemporal(signal), where: 'built with go install' }
}

export type TemporalPlace = {
  cli: string
  cwd: string
  logPath: string
  databaseFile: string | undefined
  uiPort: number
}

/**
 * A log that is appended to, where SQLite's default writes a journal, flushes three times a transaction and deletes it:
 * measured for a workflow's start 13 ms of CPU instead of 21. It is flushed as it is merged into the file, not with each
 * transaction, which takes a tenth more of the machine away: a kill loses nothing, a power loss the last second or so, and
 * neither harms the file.
 */
const APPENDED_LOG = ['journal_mode=wal', 'synchronous=normal'].flatMap((pragma) => ['--sqlite-pragma', pragma])

/** Go collects when its heap has grown by so many percent: rarer, at the cost of some hundred MB. */
const GOGC = '400'

export const temporalSpec = (place: TemporalPlace, port: number): ProcessSpec => {
  const { databaseFile, uiPort } = place
  const file = databaseFile === undefined ? [] : ['--db-filename', databaseFile, ...APPENDED_LOG]
  const attributes = SEARCH_ATTRIBUTES.flatMap((name) => ['--search-attribute', `${name}=Keyword`])
  const ports = ['--ip', '127.0.0.1', '--port', String(port), '--ui-port', String(uiPort)]
  return {
    name: 'temporal',
    kind: 'server',
    // No frame waits for it: its collections and housekeeping leave the cores to those that do.
    command: 'nice',
    args: ['-n', '10', place.cli, 'server', 'start-dev', ...ports, ...file, ...attributes],
    env: { GOGC, ...process.env },
    cwd: place.cwd,
    user: undefined,
    stopSignal: 'SIGTERM',
    logPath: place.logPath,
    ready: (signal) => waitUntil(() => pingTemporal(`127.0.0.1:${port}`), 60_000, signal),
  }
}

const openGiven = async (site: Site, address: string): Promise<Temporal> => {
  const profile = loadClientConfigProfile()
  const { connectionOptions } = toClientOptions(profile)
  const { tls, apiKey, metadata } = connectionOptions
  const options = { address, ...(tls === undefined ? {} : { tls }), ...(apiKey === undefined ? {} : { apiKey }) }
  const withMetadata = metadata === undefined ? options : { ...options, metadata }
  const registered = await registerSearchAttributes(withMetadata, profile.namespace ?? 'default').catch((error) => {
    const advice = 'TEMPORAL_ADDRESS or a profile names it: unset it, and npm start runs a server of its own'
    throw new Error(`Temporal at ${address} does not answer: ${messageOf(error)}; ${advice}`)
  })
  const found = await findTemporal()
  const uiUrl = site.env['TEMPORAL_UI_URL']
  return { address, uiUrl, cli: found?.path, kept: undefined, said: `Temporal  the one at ${address}; ${registered}` }
}

/** `TEMPORAL_ADDRESS` or a profile of @temporalio/envconfig, else a dev server of the CLI with a state file a venue. */
export const openTemporal = async (site: Site): Promise<Temporal> => {
  const { address } = loadClientConfigProfile()
  if (address !== undefined && address !== '') return openGiven(site, address)
  const { path: cli, where } = await obtainTemporal(site.say, site.closing)
  const databaseFile = site.state.path(`temporal-${site.venue}.db`)
  const place = { cli, cwd: site.state.root, logPath: site.state.logPath('temporal'), databaseFile }
  let uiPort = 0
  const { kept, port } = await startOnPort(site, 'temporal', 17233, async (at) => {
    uiPort = await freePort(preferredPort(site.state, 'temporal-ui', 18233))
    return temporalSpec({ ...place, uiPort }, at)
  })
  rememberPort(site.state, 'temporal-ui', uiPort)
  const said = `Temporal  ${where}, state in ${databaseFile}, port ${port}, UI port ${uiPort}`
  return { address: `127.0.0.1:${port}`, uiUrl: `http://127.0.0.1:${uiPort}`, cli, kept, said }
}
