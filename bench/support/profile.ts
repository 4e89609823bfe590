import { Session, type Profiler } from 'node:inspector/promises'

/** Milliseconds in functions of files that `isOurs`, with what they call. */
const spentIn = (
  { nodes, samples = [], timeDeltas = [] }: Profiler.Profile,
  isOurs: (url: string) => boolean,
): number => {
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)))
  const urls = new Map(nodes.map(({ id, callFrame }) => [id, callFrame.url]))
  const isWithin = (id: number): boolean => {
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at))
      if (isOurs(urls.get(at) ?? '')) return true
    return false
  }
  const ours = new Set(nodes.map(({ id }) => id).filter(isWithin))
  return samples.reduce((sum, id, at) => sum + (ours.has(id) ? (timeDeltas[at] ?? 0) / 1_000 : 0), 0)
}

/** Samples this process while `work` runs. */
export const profiled = async (work: () => Promise<void>, isOurs: (url: string) => boolean): Promise<number> => {
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
