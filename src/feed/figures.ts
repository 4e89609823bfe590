import type { Gate } from './gate.ts'
import type { Member } from './market.ts'
import type { Pool } from './pool.ts'

export type Figures = {
  marketsSubscribed: number
  tokensWanted: number
  tokensSubscribed: number
  connectionsOpen: number
  /** 1 while the switch over all markets holds them back. */
  groupsPaused: number
}

export const toFigures = (members: Iterable<Member>, pool: Pool, gate: Gate): Figures => {
  let tokensWanted = 0
  let marketsSubscribed = 0
  let tokensSubscribed = 0
  for (const { desired, phase, tokens } of members) {
    if (desired.state === 'active') tokensWanted += desired.tokens.length
    if (phase !== 'in') continue
    marketsSubscribed += 1
    tokensSubscribed += tokens.length
  }
  const connectionsOpen = pool.slots.filter(({ isOpen }) => isOpen).length
  const groupsPaused = gate.isPaused ? 1 : 0
  return { marketsSubscribed, tokensWanted, tokensSubscribed, connectionsOpen, groupsPaused }
}
