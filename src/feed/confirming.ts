import type { Logger } from '../lib/log.ts'
import type { Gate, SwitchReport } from './gate.ts'
import { isTold } from './leaving.ts'
import { isConfirmed, isGone, isSettled, type Confirmation, type Member } from './market.ts'

export type ConfirmingDeps = {
  members: ReadonlyMap<string, Member>
  gate: Gate
  /** Writes confirmations where the workflows look for them; a failure is tried again at the next reading. */
  writeConfirmed: (confirmations: Confirmation[]) => Promise<void>
  /** Says that all markets have followed the switch over them; a failure is tried again at the next reading. */
  writeSwitchReport: (report: SwitchReport) => Promise<void>
  log: Logger
}

/** What a feed tells those who wait for it. */
export const createConfirming = ({ members: all, gate, writeConfirmed, writeSwitchReport, log }: ConfirmingDeps) => {
  const reportSwitch = (): void => {
    const report = gate.takeReport(all.values())
    if (report === undefined) return
    writeSwitchReport(report).catch((error: unknown) => {
      gate.reportFailed()
      log.warn({ error }, 'the switch over all markets could not be confirmed, it is tried again')
    })
  }
  /** What is true now is confirmed: a desire may move on before Redis has taken it. */
  const confirm = async (members: Member[]): Promise<void> => {
    const confirmations = members.map((member) => ({
      marketId: member.desired.marketId,
      generation: member.desired.generation,
      state: member.desired.state,
      isGone: isGone(member),
    }))
    for (const member of members) {
      member.confirmedGeneration = member.desired.generation
      member.confirmedState = member.desired.state
    }
    reportSwitch()
    try {
      await writeConfirmed(confirmations)
    } catch (error) {
      for (const member of members) member.confirmedGeneration = -1
      log.warn({ error, markets: members.length }, 'confirmations could not be written, they are repeated')
    }
  }
  return {
    confirm,
    /** Those whose streams say by now that they are paused or stopped. */
    confirmTold: (members: Member[]): void => {
      const settled = members.filter((member) => isTold(member) && isSettled(member) && !isConfirmed(member))
      if (settled.length > 0) void confirm(settled)
    },
    reportSwitch,
  }
}
