import type { AddressFacts } from './addresses-text.ts'
import type { Config } from '../config.ts'
import { createDatabaseIfMissing, migrate, NeedsDirectConnection } from '../store/migrate.ts'
import type { KeptProcess } from './kept-process.ts'
import type { StartOptions, VenueChoice } from './options.ts'
import { openLocalRedis, pingRedis } from './redis.ts'
import { openPostgres, type Postgres } from './postgres.ts'
import { chooseHttpPorts, roleEnvironment, ROLES, startRole } from './roles.ts'
import { createRunFile, type RunFacts, type RunFile } from './run-file.ts'
import { nodeArgs, REPOSITORY } from './repository.ts'
import { runCommand, type CommandResult } from './run-command.ts'
import type { Site } from './site.ts'
import { openTemporal } from './temporal.ts'
import { openVenue } from './venue.ts'

export type Plan = { choice: VenueChoice; options: StartOptions & { config: Config } }
export type Running = { addresses: AddressFacts; runFile: RunFile }

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const reaching =
  (what: string) =>
  (error: unknown): never => {
    if (error instanceof NeedsDirectConnection) throw error
    throw new Error(`${what} does not answer: ${messageOf(error)}`)
  }

const prepareDatabase = async (postgres: Postgres, say: (line: string) => void): Promise<void> => {
  const { url, ours } = postgres
  if (ours) await createDatabaseIfMissing(url)
  const names = await migrate(url).catch(reaching(`Postgres at ${new URL(url).host}`))
  say(names.length === 0 ? 'schema    up to date' : `schema    migrated: ${names.join(', ')}`)
}

/** Servers one beside the other, each with its line; if one fails the caller stops what the others started. */
const openServers = async (site: Site) => {
  const told = async <T extends { said: string }>(opening: Promise<T>): Promise<T> => {
    const opened = await opening
    site.say(opened.said)
    return opened
  }
  const openings = [told(openPostgres(site)), told(openLocalRedis(site)), told(openTemporal(site))] as const
  await Promise.allSettled(openings)
  const [postgres, redis, temporal] = await Promise.all(openings)
  if (redis.kept === undefined) await pingRedis(redis.url).catch(reaching(`Redis at ${new URL(redis.url).host}`))
  await prepareDatabase(postgres, site.say)
  return { postgres, redis, temporal }
}

/** The roles must see our own Temporal and nothing of a profile that was meant for another. */
const withoutTemporal = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_')))

const BUNDLE_MS = 60_000

/**
 * Bundles the workflows while the servers start: the control worker needs them before anything else, and they are three
 * seconds of work. Where it fails, that worker bundles them itself.
 */
const bundleWorkflows = ({ compiled, env, state }: Site): Promise<CommandResult> =>
  runCommand(process.execPath, nodeArgs(compiled, 'cli/bundle', []), {
    timeoutMs: BUNDLE_MS,
    env: { ...env, POLYTAPE_STATE_DIR: state.root },
    cwd: REPOSITORY,
  })

/** Servers, schema, venue, roles and `run.json`: in this order, so that nothing is subscribed before it can be recorded. */
export const bringUp = async (site: Site, plan: Plan): Promise<Running> => {
  const bundling = bundleWorkflows(site)
  const { postgres, redis, temporal } = await openServers(site)
  const venue = await openVenue(site, plan.choice, plan.options)
  site.say(venue.said)
  const { config } = plan.options
  const httpPorts = await chooseHttpPorts(config)
  const facts: RunFacts = {
    databaseUrl: postgres.url,
    redisUrl: redis.url,
    temporalAddress: temporal.address,
    temporalUiUrl: temporal.uiUrl,
    temporalCli: temporal.cli,
    venue: site.venue,
    venueUrls: venue.urls,
    httpPorts,
    httpHost: config.HTTP_HOST,
  }
  const roleSite = temporal.kept === undefined ? site : { ...site, env: withoutTemporal(site.env) }
  const env = roleEnvironment(roleSite, facts, plan.options)
  const runFile = createRunFile(site.state, facts)
  await bundling
  await Promise.all(ROLES.map((role) => startRole(site, role, env)))
  // A role needs most of a second until its first subscription, this a millisecond.
  runFile.write(site.kept)
  site.say(`roles     ${ROLES.map((role) => role.name).join(', ')} started`)
  return { addresses: { facts, state: site.state, ownsPostgres: postgres.ours, redisCli: redis.cli }, runFile }
}

/** From one Ctrl-C to the end. */
const STOP_WITHIN_MS = 4_700
const ROLE_GRACE_MS = 3_500
const VENUE_GRACE_MS = 300
const SERVER_LEAST_MS = 900

/** Roles first, so that they flush into servers that still run; servers last, with what is left of the time. */
export const bringDown = async (kept: KeptProcess[]): Promise<void> => {
  const deadline = Date.now() + STOP_WITHIN_MS
  const stopAll = (kind: KeptProcess['kind'], graceMs: number) =>
    Promise.all(kept.filter((one) => one.kind === kind).map((one) => one.stop(graceMs)))
  await stopAll('role', ROLE_GRACE_MS)
  await stopAll('venue', VENUE_GRACE_MS)
  await stopAll('server', Math.max(SERVER_LEAST_MS, deadline - Date.now()))
}
