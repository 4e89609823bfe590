import { setCurrentDetails } from '@temporalio/workflow'
import type { Restored } from '../activities/archive-restore.ts'
import { restores } from './activity-options.ts'
import { DAY_EXPECTED, isDay, parseInput, refuse } from './input.ts'
import { z } from './zod.ts'

const schema = z.strictObject({
  day: z.string().refine(isDay, DAY_EXPECTED),
  table: z.enum(['order_books']).default('order_books'),
})

/** Brings an archived day back into Postgres, where it stays until archivePartitions is told to take it again. */
export async function restorePartition(input: z.input<typeof schema>): Promise<Restored> {
  const given = parseInput(schema, input)
  setCurrentDetails(`bringing ${given.table} of ${given.day} back; progress is in the pending activity`)
  const restored = await restores.restoreDay(given).catch(refuse)
  const { rows, parts } = restored
  setCurrentDetails(
    parts === 0
      ? `${given.table} of ${given.day} is not in the archive alone: nothing was to be done`
      : `${rows} rows of ${given.table} of ${given.day} are back, equal to the ${parts} objects of the archive`,
  )
  return restored
}
