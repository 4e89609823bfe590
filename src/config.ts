import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { parseStoreUrl } from './archive/store/store-url.ts'

const count = (initial: number) => z.coerce.number().int().positive().default(initial)
const port = (initial: number) => z.coerce.number().int().min(0).max(65_535).default(initial)
/** Days; 0 = for ever. */
const retentionDays = (initial: number) => z.coerce.number().int().min(0).max(36_500).default(initial)
const list = z
  .string()
  .default('')
  .transform((text) => text.split(',').map((part) => part.trim()))
  .transform((parts) => parts.filter((part) => part !== ''))
const address = z.string().regex(/^0x[0-9a-f]{40}$/, 'expected 0x and 40 hex digits')
const storeUrl = z.string().superRefine((text, context) => {
  try {
    parseStoreUrl(text)
  } catch (error) {
    context.addIssue(error instanceof Error ? error.message : String(error))
  }
})
const wallets = list.transform((parts) => parts.map((part) => part.toLowerCase())).pipe(z.array(address))

const variables = z.object({
  DATABASE_URL: z.string().default('postgres://127.0.0.1:5432/polytape'),
  DATABASE_POOLED_URL: z.string().optional(),
  REDIS_URL: z.string().default('redis://127.0.0.1:6379'),
  POLYMARKET_WS_URL: z.string().default('wss://ws-subscriptions-clob.polymarket.com/ws/market'),
  POLYMARKET_GAMMA_URL: z.string().default('https://gamma-api.polymarket.com'),
  POLYMARKET_CLOB_URL: z.string().default('https://clob.polymarket.com'),
  POLYMARKET_DATA_URL: z.string().default('https://data-api.polymarket.com'),
  POLYTAPE_VENUE: z.enum(['live', 'emulator', 'replay']).default('live'),
  POLYTAPE_MARKETS: list,
  POLYTAPE_TOP: z.coerce.number().int().min(0).optional(),
  POLYTAPE_POLICY: z.string().optional(),
  POLYTAPE_STATE_DIR: z.string().default('.polytape'),
  MARKETS_PER_FEED: count(100),
  TOKENS_PER_CONNECTION: count(200).pipe(z.number().max(200)),
  NORMALIZER_SHARDS: count(1),
  SHARDS_PER_NORMALIZER: count(64),
  INGEST_LINGER_MS: z.coerce.number().int().min(0).default(4),
  FEED_BUFFER_BYTES: count(64 * 1024 * 1024),
  LIVENESS_EVERY_MS: count(5_000),
  TRADES_POLL_MS: count(2_000),
  TRADES_SWEEP_MS: count(30_000),
  TRADES_LATE_MS: count(300_000),
  TRACKED_WALLETS: wallets,
  ACTIVITY_POLL_MS: count(10_000),
  MARK_POSITIONS_EVERY_MS: count(10_000),
  BOOK_DEPTH: z.coerce.number().int().min(0).default(0),
  COMMIT_LINGER_MS: z.coerce.number().int().min(0).default(2),
  COMMIT_MAX_ROWS: count(20_000),
  COMMIT_MAX_BYTES: count(16 * 1024 * 1024),
  CHECKPOINT_EVERY_CHANGES: count(500),
  CLOSE_ENDED_AFTER_MS: count(300_000),
  VERIFY_SHED_LAG_MS: count(10_000),
  VERIFY_SEARCH_HASHES: count(50_000),
  HEARTBEAT_WINDOW_MS_MARKET_CHANNEL: count(60_000),
  HEARTBEAT_WINDOW_MS_NORMALIZER: count(30_000),
  HEARTBEAT_WINDOW_MS_CATALOG: count(300_000),
  HEARTBEAT_WINDOW_MS_LIVENESS: count(120_000),
  HEARTBEAT_WINDOW_MS_REDIS: count(30_000),
  HEARTBEAT_WINDOW_MS_TRADES: count(120_000),
  ALERT_WEBHOOK_URL: z.url({ protocol: /^https?$/ }).optional(),
  ALERT_WEBHOOK_SECRET: z.string().min(16).optional(),
  ALERT_WEBHOOK_HOSTS: list,
  RETENTION_DAYS_DEAD_LETTERS: retentionDays(90),
  RETENTION_DAYS_ALERT_EVENTS: retentionDays(90),
  RETENTION_DAYS_FEED_ALERTS: retentionDays(90),
  RETENTION_DAYS_FEED_GAPS: retentionDays(0),
  RETENTION_DAYS_MARKET_CHANGES: retentionDays(0),
  RETENTION_DAYS_DERIVED_METRICS: retentionDays(90),
  RETENTION_DAYS_LIQUIDITY_EVENTS: retentionDays(0),
  COST_BUDGET: z
    .string()
    .regex(/^\d{1,9}(\.\d{1,6})?$/, 'expected dollars a month, such as 250 or 99.50')
    .optional(),
  COST_PRICES: z.string().optional(),
  COST_SHED_DEPTH: count(5).pipe(z.number().max(1_000)),
  COST_SETTLE_MS: count(300_000),
  STREAM_HMAC_KEY: z.string().min(16).optional(),
  STREAM_HMAC_KEYS_OLD: list,
  ARCHIVE_URL: storeUrl.optional(),
  ARCHIVE_AFTER_DAYS: count(30),
  ARCHIVE_GRACE_HOURS: z.coerce.number().min(0).default(24),
  ARCHIVE_WORK_DIR: z.string().optional(),
  ARCHIVE_MEMORY_BYTES: count(150 * 1_000_000).pipe(z.number().min(100_000_000)),
  ARCHIVE_CACHE_BYTES: count(4 * 1024 * 1024 * 1024),
  TEMPORAL_DEPLOYMENT_NAME: z.string().optional(),
  TEMPORAL_WORKER_BUILD_ID: z.string().optional(),
  HTTP_HOST: z.string().default('127.0.0.1'),
  HTTP_PORT: port(8090),
  HTTP_PORT_FEED: port(8091),
  HTTP_PORT_NORMALIZER: port(8092),
  HTTP_PORT_ARCHIVE: port(8093),
  HOOKS_SECRET: z.string().min(16).optional(),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
})

/** The archive of those who have no S3. */
const archiveIn = (stateDir: string): string => pathToFileURL(resolve(stateDir, 'archive')).href

/** Half of a version would run unversioned, where an operator believes that it waits for its turn. */
const schema = variables
  .refine((read) => (read.TEMPORAL_DEPLOYMENT_NAME === undefined) === (read.TEMPORAL_WORKER_BUILD_ID === undefined), {
    path: ['TEMPORAL_WORKER_BUILD_ID'],
    message: 'expected together with TEMPORAL_DEPLOYMENT_NAME, or neither',
  })
  .refine(({ ALERT_WEBHOOK_URL: url, ALERT_WEBHOOK_SECRET: secret }) => url === undefined || secret !== undefined, {
    path: ['ALERT_WEBHOOK_SECRET'],
    error: 'expected a secret of at least 16 characters: ALERT_WEBHOOK_URL is set',
  })
  .transform((read) => ({ ...read, ARCHIVE_URL: read.ARCHIVE_URL ?? archiveIn(read.POLYTAPE_STATE_DIR) }))

/** Every variable with its unit and default is in `.env.example`. */
export type Config = z.infer<typeof schema>

/** @throws Error where the subscription policy is given twice: nobody could tell which one was meant. */
const withoutContradiction = (config: Config): Config => {
  const { POLYTAPE_POLICY, POLYTAPE_MARKETS, POLYTAPE_TOP } = config
  if (POLYTAPE_POLICY === undefined || (POLYTAPE_MARKETS.length === 0 && POLYTAPE_TOP === undefined)) return config
  throw new Error(
    'POLYTAPE_POLICY is set, and POLYTAPE_MARKETS or POLYTAPE_TOP as well, which are short for a policy: keep one of them',
  )
}

/**
 * The only reader of the environment. Empty variables count as absent.
 *
 * @throws Error that names each bad variable, what was expected and what came.
 */
export const readConfig = (environment: NodeJS.ProcessEnv): Config => {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const result = schema.safeParse(given)
  if (result.success) return withoutContradiction(result.data)
  const lines = result.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`)
  throw new Error(`the environment has variables that do not fit:\n${lines.join('\n')}\nsee .env.example`)
}
