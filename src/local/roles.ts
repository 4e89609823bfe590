import type { Config } from '../config.ts'
import { freePort } from './ports.ts'
import type { KeptProcess } from './kept-process.ts'
import type { StartOptions } from './options.ts'
import { nodeArgs, REPOSITORY } from './repository.ts'
import { keep, type Site } from './site.ts'
import type { VenueUrls } from './venue.ts'

/**
 * `niceness`: 0, or more for what nobody waits for: control's collections took a core for 100 ms at a time,
 * and the archive takes all it is given for minutes.
 */
export type Role = {
  name: string
  niceness: number
  nodeFlags: string[]
  args: string[]
  /** Of the process alone. */
  env?: NodeJS.ProcessEnv
}

/**
 * Young collections of the roles that stream are fewer and by one thread: on two cores the helper threads were seen to
 * wait 1.2 ms for a core each time, and the collection waits for them. At 32 MB each stood still for 18 ms on a busy
 * machine, at 16 MB for 8 ms, at 8 MB for 5 ms but twice as often. Old collections mark with one helper thread: four of
 * them took both cores for 300 ms every 25 s, from Redis too (from an event to its alert p99 was 93 and 119 ms, with one 31
 * and 32).
 */
const STREAMING = ['--max-semi-space-size=16', '--no-parallel-scavenge', '--v8-pool-size=1']

/**
 * The feed keeps little (some 45 MB) and makes little that lasts: V8 lets such a heap grow to several times itself before it
 * looks, and the process grew for half an hour. Of the normalizer, whose garbage is much, the same took a fifth more CPU.
 */
const LEAN = '--heap-growing-percent=50'

/** Of each of its isolates: V8 lets garbage of thousands of starting workflows grow to 800 MB where it may. */
const FRUGAL = ['--max-old-space-size=320']

/**
 * Every thread of DuckDB's gets an arena of its own, and gives nothing of it back: what nine days of 300,000 rows left
 * behind was 50 MB and growing, with one arena 3.
 */
const ONE_ARENA = { MALLOC_ARENA_MAX: '1' }

export const ROLES: Role[] = [
  { name: 'control', niceness: 10, nodeFlags: FRUGAL, args: ['--role', 'control'] },
  { name: 'feed', niceness: 0, nodeFlags: [...STREAMING, LEAN], args: ['--role', 'feed', '--replica', 'a'] },
  { name: 'normalizer', niceness: 0, nodeFlags: STREAMING, args: ['--role', 'normalizer'] },
  { name: 'archive', niceness: 19, nodeFlags: FRUGAL, args: ['--role', 'archive'], env: ONE_ARENA },
]

export type Addresses = {
  databaseUrl: string
  redisUrl: string
  temporalAddress: string
  venueUrls: VenueUrls
  /** By role. */
  httpPorts: Record<string, number>
}

type PolicyOptions = Pick<StartOptions, 'markets' | 'top'> & { config: Config }

/** An option stands above the variable of its name; beside a policy there are none of them. */
const policyEnvironment = ({ markets, top, config }: PolicyOptions): NodeJS.ProcessEnv => ({
  POLYTAPE_POLICY: config.POLYTAPE_POLICY ?? '',
  POLYTAPE_MARKETS: markets === '' ? config.POLYTAPE_MARKETS.join(',') : markets,
  POLYTAPE_TOP: String(top ?? config.POLYTAPE_TOP ?? ''),
})

/** Ports for the roles' pages, those of the configuration where they are free. */
export const chooseHttpPorts = async (config: Config): Promise<Record<string, number>> => ({
  control: await freePort(config.HTTP_PORT),
  feed: await freePort(config.HTTP_PORT_FEED),
  normalizer: await freePort(config.HTTP_PORT_NORMALIZER),
  archive: await freePort(config.HTTP_PORT_ARCHIVE),
})

const portVariable = (role: string): string => (role === 'control' ? 'HTTP_PORT' : `HTTP_PORT_${role.toUpperCase()}`)

const portEnvironment = (ports: Addresses['httpPorts']): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(ports).map(([role, port]) => [portVariable(role), String(port)]))

/** Roles are configured by the environment only, like anywhere else they run. */
export const roleEnvironment = (site: Site, addresses: Addresses, options: PolicyOptions): NodeJS.ProcessEnv => ({
  ...site.env,
  POLYTAPE_VENUE: site.venue,
  ...policyEnvironment(options),
  ...portEnvironment(addresses.httpPorts),
  POLYTAPE_STATE_DIR: site.state.root,
  DATABASE_URL: addresses.databaseUrl,
  REDIS_URL: addresses.redisUrl,
  TEMPORAL_ADDRESS: addresses.temporalAddress,
  POLYMARKET_WS_URL: addresses.venueUrls.ws,
  POLYMARKET_GAMMA_URL: addresses.venueUrls.gamma,
  POLYMARKET_CLOB_URL: addresses.venueUrls.clob,
  POLYMARKET_DATA_URL: addresses.venueUrls.data,
})

/** A role that dies at once is not an error of the start: it is restarted, and shown. */
export const startRole = (site: Site, role: Role, env: NodeJS.ProcessEnv): Promise<KeptProcess> =>
  keep(site, {
    name: role.name,
    kind: 'role',
    command: 'nice',
    args: [
      '-n',
      String(role.niceness),
      process.execPath,
      ...role.nodeFlags,
      ...nodeArgs(site.compiled, 'cli/worker', role.args),
    ],
    env: { ...env, ...role.env },
    cwd: REPOSITORY,
    user: undefined,
    stopSignal: 'SIGTERM',
    logPath: site.state.logPath(role.name),
    ready: () => Promise.resolve(),
  })
