import { Session, type Profiler } from 'node:inspector/promises'

/** Functions that do no work of the program. */
const IDLE = new Set(['(idle)', '(program)', '(root)'])

/** Milliseconds of CPU by sampling: in all, and in functions of files that `isOurs`, with what they call. */
export type Spent = { allMs: number; oursMs: number }

const spentIn = (
  { nodes, samples = [], timeDeltas = [] }: Profiler.Profile,
  isOurs: (url: string) => boolean,
): Spent => {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)))
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const isWithin = (id: number | undefined): boolean => {
    for (let at = id; at !== undefined; at = parents.get(at)) if (isOurs(byId.get(at)?.callFrame.url ?? '')) return true
    return false
  }
  const ours = new Map(nodes.map(({ id }) => [id, isWithin(id)]))
  const spent = { allMs: 0, oursMs: 0 }
  samples.forEach((id, at) => {
    const ms = (timeDeltas[at] ?? 0) / 1_000
    if (IDLE.has(byId.get(id)?.callFrame.functionName ?? '')) return
    spent.allMs += ms
    if (ours.get(id) === true) spent.oursMs += ms
  })
  return spent
}

/** Samples this process while `work` runs. */
export const profiled = async (work: () => Promise<void>, isOurs: (url: string) => boolean): Promise<Spent> => {
  const session = new Session()
  session.connect()
  await session.post('Profiler.enable')
  await session.post('Profiler.setSamplingInterval', { interval: 500 })
  await session.post('Profiler.start')
  await work()
  const { profile } = await session.post('Profiler.stop')
  session.disconnect()
  return spentIn(profile, isOurs)
}
