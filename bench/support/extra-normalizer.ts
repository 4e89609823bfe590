import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { nodeArgs, REPOSITORY } from '../../src/local/repository.ts'
import { ROLES } from '../../src/local/roles.ts'
import type { System } from '../../test/support/system.ts'

export type Normalizer = AsyncDisposable & { pid: number }

/** One more process of the role beside a running system: each shard is to have a thread of its own. */
export const startNormalizer = (
  { run, folder }: System,
  env: Record<string, string>,
  compiled: string | undefined,
): Normalizer => {
  const { databaseUrl, redisUrl, temporalAddress } = run()
  const flags = ROLES.find(({ name }) => name === 'normalizer')?.nodeFlags ?? []
  const child = spawn(process.execPath, [...flags, ...nodeArgs(compiled, 'cli/worker', ['--role', 'normalizer'])], {
    cwd: REPOSITORY,
    stdio: 'ignore',
    env: {
      ...process.env,
      ...env,
      POLYTAPE_STATE_DIR: folder.state.root,
      DATABASE_URL: databaseUrl,
      REDIS_URL: redisUrl,
      TEMPORAL_ADDRESS: temporalAddress,
    },
  })
  const exited = once(child, 'exit')
  return {
    pid: child.pid ?? 0,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}
