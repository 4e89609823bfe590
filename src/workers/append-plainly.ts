import type { Redis } from 'ioredis'
import { readyKey } from '../domain/keys.ts'
import { encodeEntry, type NewEntry, type SigningKeys } from '../stream/entry.ts'

export const appendPlainly =
  (redis: Redis, signing: SigningKeys) =>
  async (entries: NewEntry[]): Promise<void> => {
    const batch = redis.multi()
    for (const entry of entries) {
      batch.xadd(entry.stream, '*', ...encodeEntry(entry, signing))
      batch.zadd(readyKey(0), Date.now(), entry.stream)
    }
    await batch.exec()
  }
