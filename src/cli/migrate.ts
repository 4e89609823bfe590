import { readConfig } from '../config.ts'
import { migrate } from '../store/migrate.ts'

const main = async (): Promise<void> => {
  const names = await migrate(readConfig(process.env).DATABASE_URL)
  console.log(names.length === 0 ? 'the schema is up to date' : `migrated: ${names.join(', ')}`)
}

try {
  await main()
} catch (error) {
  console.error(`migrate: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
