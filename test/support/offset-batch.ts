import { NO_PROGRESS, NOTHING_KEPT } from '../../src/domain/progress.ts'
import { newBatch, type Batch } from '../../src/normalizer/batch.ts'

type Move = { stream: string; expected: string; lastId: string; revision: number }

/** A batch that moves one offset and has nothing else yet. */
export const offsetBatch = ({ stream, expected, lastId, revision }: Move): Batch => {
  const batch = newBatch()
  const progress = { ...NO_PROGRESS, revision }
  batch.offsets.set(stream, { stream, expected, lastId, sequence: 0, progress, kept: NOTHING_KEPT })
  return batch
}
