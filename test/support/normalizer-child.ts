import { startShard } from './normalizer-shard.ts'

/** One shard in a process of its own, to be killed: `normalizer-child.ts <redis url> <database url>`. */
const [, , redisUrl = '', databaseUrl = ''] = process.argv
const shard = startShard({ redisUrl, databaseUrl })
console.log('running')
console.log(await shard.ended)
