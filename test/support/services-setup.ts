import { shareBundles } from './bundles.ts'
import { sweepTestFolders } from './services-folder.ts'
import { openPostgres, openTemporal, prepareServers } from './services.ts'

/**
 * One Postgres, whose migrated database is the template of all others, and one Temporal for the whole run.
 * Each vitest project calls this; the first one starts them.
 */
export const setup = async (): Promise<() => Promise<void>> => {
  if (process.env['POLYTAPE_TEST_DATABASE_URL'] !== undefined) return () => Promise.resolve()
  await sweepTestFolders()
  await prepareServers()
  const [postgres, temporal] = await Promise.all([openPostgres(), openTemporal()])
  process.env['POLYTAPE_TEST_DATABASE_URL'] = postgres.url
  process.env['POLYTAPE_TEST_ADMIN_URL'] = postgres.adminUrl
  process.env['POLYTAPE_TEST_TEMPORAL_ADDRESS'] = temporal.address
  process.env['POLYTAPE_TEST_TEMPORAL_CLI'] = temporal.cli
  const bundles = await shareBundles()
  return async () => {
    await Promise.all([postgres, temporal, bundles].map((one) => one[Symbol.asyncDispose]()))
  }
}
