import { heartbeatText, type Heartbeat, type Reporter } from '../domain/heartbeat.ts'

/** All that a process reports. */
export type Reports = Reporter & {
  /** Subject, text, subject, text …, as of now. */
  texts(): string[]
}

export const createReports = (): Reports => {
  const followed = new Set<() => [string, Heartbeat][]>()
  return {
    follow: (read) => {
      followed.add(read)
      return () => void followed.delete(read)
    },
    texts: () => [...followed].flatMap((read) => read().flatMap(([subject, beat]) => [subject, heartbeatText(beat)])),
  }
}
