import { openRecording, type Recording, type RecordingOptions } from './recording.ts'
import { openPostgres, openRedis, type TestPostgres, type TestRedis } from './services.ts'

/** A recording on servers that the test may take away. */
export type ServedRecording = AsyncDisposable & { redis: TestRedis; postgres: TestPostgres; recording: Recording }

/** Ends what was opened before whatever could not be. */
export const openServedRecording = async (options: Omit<RecordingOptions, 'env'>): Promise<ServedRecording> => {
  const opened: AsyncDisposable[] = []
  const dispose = async (): Promise<void> => {
    for (const one of opened.splice(0).toReversed()) await one[Symbol.asyncDispose]()
  }
  try {
    const redis = await openRedis()
    opened.push(redis)
    const postgres = await openPostgres()
    opened.push(postgres)
    const recording = await openRecording({ ...options, env: { REDIS_URL: redis.url, DATABASE_URL: postgres.url } })
    opened.push(recording)
    return { redis, postgres, recording, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}
