import { heartbeatText, type Heartbeat, type Reporter } from '../domain/heartbeat.ts'

/** All that a process reports. */
export type Reports = Reporter & {
  /** As of now. */
  read(): [string, Heartbeat][]
  /** Subject, text, subject, text …, as of now. */
  texts(): string[]
}

export const createReports = (): Reports => {
  const followed = new Set<() => [string, Heartbeat][]>()
  const read = (): [string, Heartbeat][] => [...followed].flatMap((one) => one())
  return {
    follow: (one) => {
      followed.add(one)
      return () => void followed.delete(one)
    },
    read,
    texts: () => read().flatMap(([subject, beat]) => [subject, heartbeatText(beat)]),
  }
}
