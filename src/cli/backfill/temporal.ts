import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client, Connection, type ConnectionOptions } from '@temporalio/client'
import { loadClientConnectConfig } from '@temporalio/envconfig'
import { z } from 'zod'
import { readConfig } from '../../config.ts'
import { reasonOf } from '../../workers/until-reachable.ts'

const CONNECT_TIMEOUT_MS = 5_000

const runFile = z.object({ temporalAddress: z.string() })

const addressOfRun = (stateDir: string): string | undefined => {
  try {
    return runFile.parse(JSON.parse(readFileSync(join(stateDir, 'run.json'), 'utf8'))).temporalAddress
  } catch {
    return undefined
  }
}

/**
 * The Temporal that the environment or a profile names, else that of the running `npm start`, else the usual port.
 *
 * @throws Error that says which address did not answer, and what to do.
 */
export const openTemporal = async (
  environment: NodeJS.ProcessEnv,
  more: ConnectionOptions = {},
): Promise<AsyncDisposable & { client: Client }> => {
  const { connectionOptions, namespace } = loadClientConnectConfig()
  const address = connectionOptions.address ?? addressOfRun(readConfig(environment).POLYTAPE_STATE_DIR)
  try {
    const given = address === undefined ? connectionOptions : { ...connectionOptions, address }
    const connection = await Connection.connect({ ...given, ...more, connectTimeout: CONNECT_TIMEOUT_MS })
    const client = new Client({ connection, namespace: namespace ?? 'default' })
    return { client, [Symbol.asyncDispose]: () => connection.close() }
  } catch (error) {
    throw new Error(
      `expected Temporal at ${address ?? '127.0.0.1:7233'} to answer, got: ${reasonOf(error)}\n` +
        'start polytape with `npm start`, or set TEMPORAL_ADDRESS',
      { cause: error },
    )
  }
}
