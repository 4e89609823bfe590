import { continueAsNew, defineQuery, proxyActivities, setCurrentDetails, setHandler } from '@temporalio/workflow'
import { z } from './zod.ts'
import { longLived } from './activity-options.ts'
import { parseInput } from './input.ts'
import { ownUntilRollOver } from './own-activity.ts'

const schema = z.strictObject({ shard: z.number().int().min(0) })
type NormalizerInput = z.infer<typeof schema>
type NormalizerActivities = { runNormalizer(input: NormalizerInput): Promise<unknown> }

const status = defineQuery<NormalizerInput & { taskQueue: string }>('status')

/** Owns the one activity that reads the shard's streams and writes Postgres and the hot cache. */
export async function normalizer(input: NormalizerInput): Promise<void> {
  const { shard } = parseInput(schema, input)
  setHandler(status, () => ({ shard, taskQueue: 'normalizer' }), { description: 'Shard and task queue' })
  setCurrentDetails(`Normalizer shard **${shard}**, on task queue \`normalizer\``)

  const { runNormalizer } = proxyActivities<NormalizerActivities>(longLived('normalizer', `shard ${shard}`))
  await ownUntilRollOver(() => runNormalizer({ shard }))
  await continueAsNew<typeof normalizer>({ shard })
}
