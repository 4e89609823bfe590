import type { Redis } from 'ioredis'
import { alertText } from '../domain/alert.ts'
import { ALERTS_CHANNEL } from '../domain/keys.ts'
import type { Batch } from '../normalizer/batch.ts'

/** As many messages as one call takes. */
const MESSAGES_A_CALL = 1_000

/** After the commit: what hears it finds the row. What is not told, the dispatch of control finds within seconds. */
export const tellAlerts = async (redis: Redis, { alertEvents }: Batch): Promise<void> => {
  for (let at = 0; at < alertEvents.length; at += MESSAGES_A_CALL) {
    const pipeline = redis.pipeline()
    for (const event of alertEvents.slice(at, at + MESSAGES_A_CALL)) pipeline.publish(ALERTS_CHANNEL, alertText(event))
    await pipeline.exec()
  }
}
