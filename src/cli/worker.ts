import { parseArgs } from 'node:util'
import { runRole } from '../workers/main.ts'
import { reasonOf } from '../workers/until-reachable.ts'
import type { Replica, Role } from '../workers/worker-options.ts'

const USAGE = 'usage: worker --role control|feed|normalizer|archive [--replica a|b]'

const isRole = (text: string | undefined): text is Role =>
  text === 'control' || text === 'feed' || text === 'normalizer' || text === 'archive'
const isReplica = (text: string | undefined): text is Replica => text === 'a' || text === 'b'

const readArguments = (): { role: Role; replica: Replica } => {
  const { values } = parseArgs({ options: { role: { type: 'string' }, replica: { type: 'string', default: 'a' } } })
  const { role, replica } = values
  if (!isRole(role))
    throw new Error(`--role: expected control, feed, normalizer or archive, got ${role ?? 'nothing'}\n${USAGE}`)
  if (!isReplica(replica)) throw new Error(`--replica: expected a or b, got ${replica}\n${USAGE}`)
  return { role, replica }
}

try {
  const { role, replica } = readArguments()
  await runRole(role, replica)
} catch (error) {
  console.error(`polytape worker: ${reasonOf(error)}`)
  process.exitCode = 1
}
// Native threads of the Temporal client may linger: everything of ours is closed here.
process.exit()
