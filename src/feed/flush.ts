import { createBackoff } from '../lib/backoff.ts'
import { pause } from '../lib/every.ts'
import type { Logger } from '../lib/log.ts'
import type { Appender } from '../stream/append.ts'
import type { Epochs } from './epochs.ts'
import type { Packed } from './outbox.ts'

export type FlushDeps = {
  appender: Appender
  epochs: Epochs
  repair: () => Promise<void>
  /** Redis will never take these entries, given as `<stream>: <its reason>`: their frames are lost. */
  onRefused: (refused: string[]) => void
  log: Logger
}

export type Flush = {
  /** Resolves when Redis has the batch (or the signal aborted); repeats it with the same ordinals until then. */
  append(batch: Packed[], signal: AbortSignal): Promise<void>
  /** The next append begins with a repair. */
  repairFirst(): void
  needsRepair(): boolean
}

type Outcome = 'done' | 'behind'

const byEpoch = (batch: Packed[]): Map<string, Packed[]> => {
  const groups = new Map<string, Packed[]>()
  for (const packed of batch) {
    const group = groups.get(packed.entry.epoch)
    if (group === undefined) groups.set(packed.entry.epoch, [packed])
    else group.push(packed)
  }
  return groups
}

const streamOf = (refused: string): string => refused.slice(0, refused.indexOf(': '))

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Ordinals of the streams as they were acknowledged before this batch: Redis must know at least these. */
const acknowledgedOf = (group: Packed[]): Map<string, number> =>
  new Map(group.map(({ lane }) => [lane.stream, lane.acknowledged]))

export const createFlush = ({ appender, epochs, repair, onRefused, log }: FlushDeps): Flush => {
  let mustRepair = false
  const appendGroup = async (group: Packed[]): Promise<Outcome> => {
    const entries = group.map(({ entry }) => entry)
    const result = await appender.append(entries, acknowledgedOf(group))
    if (result.type === 'behind') return 'behind'
    if (result.refused.length > 0) onRefused(result.refused)
    epochs.settle(group, new Set(result.refused.map(streamOf)))
    return 'done'
  }
  /** One round over the epochs that are still to do; each takes its own script call, all in one round trip. */
  const appendGroups = async (groups: Map<string, Packed[]>): Promise<void> => {
    const settled = await Promise.allSettled(
      [...groups].map(async ([epoch, group]) => {
        if ((await appendGroup(group)) === 'done') groups.delete(epoch)
        else mustRepair = true
      }),
    )
    const failed = settled.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }
  const attempt = async (groups: Map<string, Packed[]>): Promise<void> => {
    if (mustRepair) {
      await repair()
      mustRepair = false
    }
    await appendGroups(groups)
  }
  return {
    append: async (batch, signal) => {
      const backoff = createBackoff({ initialMs: 50, maxMs: 1_000, random: Math.random })
      const groups = byEpoch(batch)
      let isReported = false
      while ((groups.size > 0 || mustRepair) && !signal.aborted) {
        try {
          await attempt(groups)
        } catch (error) {
          if (!isReported) log.warn({ reason: reasonOf(error) }, 'append failed, repeated until Redis takes it')
          isReported = true
        }
        if (groups.size > 0 || mustRepair) await pause(20 + backoff.nextDelayMs(), signal)
      }
    },
    repairFirst: () => {
      mustRepair = true
    },
    needsRepair: () => mustRepair,
  }
}
