import type { Logger } from '../lib/log.ts'
import type { Appender } from '../stream/append.ts'
import type { Epoch, EpochLog, Epochs } from './epochs.ts'
import type { Lane } from './outbox.ts'

export type RepairDeps = {
  appender: Appender
  epochs: Epochs
  log: Logger
  /** Redis lost what it had acknowledged, further back than the ring keeps. */
  onLoss: (stream: string, log: EpochLog) => void
}

/**
 * After Redis lost acknowledged entries: appends what the ring has of them, before anything new. Repeatable: losses are
 * noted before the first append, since a second try would see the repaired tail.
 *
 * @throws the client's errors; call it again.
 */
export const createRepair = ({ appender, epochs, log, onLoss }: RepairDeps): (() => Promise<void>) => {
  const lossOf = new Map<Lane, EpochLog>()
  const repairEpoch = async ({ log: epochLog, lanes }: Epoch): Promise<void> => {
    const appended = await appender.readAppended(epochLog.epoch)
    const { entries, lost } = epochs.ring.missing(lanes.values(), appended)
    for (const lane of lost) lossOf.set(lane, epochLog)
    if (entries.length > 0) {
      await appender.append(entries)
      log.warn({ epoch: epochLog.epoch, entries: entries.length }, 'entries that Redis had lost were appended again')
    }
    const again = new Set(entries.map(({ stream }) => stream))
    for (const lane of lost) {
      // Nothing of it is kept: what Redis knows is the new floor, else every append would be answered `behind`.
      if (!again.has(lane.stream)) lane.acknowledged = appended.get(lane.stream) ?? 0
    }
  }
  return async () => {
    for (const epoch of epochs.all()) await repairEpoch(epoch)
    for (const [lane, epochLog] of lossOf) onLoss(lane.stream, epochLog)
    lossOf.clear()
  }
}
