import { createRecords } from '../../src/activities/normalizer-figures.ts'
import { runShard } from '../../src/activities/normalizer-run.ts'
import { createHotCache } from '../../src/cache/hot-cache.ts'
import { createCommitter } from '../../src/store/commit.ts'
import { takeOwnership } from '../../src/store/fence.ts'
import { publishHeartbeats } from '../../src/workers/heartbeat-publisher.ts'
import { openDeps } from './normalizer-deps.ts'

/** Shard 0 in a process of its own, to be killed: `normalizer-child.ts <redis url> <database url> [JSON of variables]`. */
const [, , redisUrl = '', databaseUrl = '', variables = '{}'] = process.argv
const deps = openDeps({ redisUrl, databaseUrl }, JSON.parse(variables))
const owner = await takeOwnership(deps.pool, 0, `child:${process.pid}`)
const write = createCommitter({ ...deps, owner })
const cache = createHotCache({ redis: deps.redis, ownerEpoch: owner.epoch })
publishHeartbeats(deps.redis, deps.heartbeats)
await runShard({
  deps,
  shard: 0,
  cache,
  write,
  records: createRecords(deps.stats),
  signal: new AbortController().signal,
})
