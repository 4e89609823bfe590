import type { Pool, PoolClient } from 'pg'

/**
 * Lends a client of the pool to `use`. A cut connection is the error of its query, and an event besides, which would
 * end the process where nobody listens: the pool does so only for idle clients. A lost client is not given back, nor, where
 * `isCutOnError` says so, one in the middle of a COPY that nobody reads on: it would answer nothing else.
 */
export const withClient = async <T>(
  pool: Pool,
  use: (client: PoolClient) => Promise<T>,
  { isCutOnError = false } = {},
): Promise<T> => {
  const client = await pool.connect()
  let lost: Error | undefined
  const onError = (error: Error): void => {
    lost = error
  }
  client.on('error', onError)
  try {
    return await use(client)
  } catch (error) {
    if (isCutOnError && error instanceof Error) lost ??= error
    throw error
  } finally {
    if (lost === undefined) client.off('error', onError)
    client.release(lost)
  }
}
