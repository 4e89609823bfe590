import { expect } from 'vitest'
import type { Ledger } from '../../src/emulator/ledger.ts'
import { feedSockets, readRoles, settle, wrongRowCounts, type Recording } from './recording.ts'
import { brokenPromises } from './recorded-truth.ts'

export type Roles = ReturnType<typeof readRoles>

/**
 * Settles, then: books, rows and sequences are those of the ledger, on the one socket that was opened, by the processes
 * that were there before. Returns the ledger.
 */
export const expectWhole = async (recording: Recording, roles: Roles): Promise<Ledger> => {
  const { pool, system } = recording
  const ledger = await settle(recording)
  expect(await brokenPromises(ledger, pool, system.redis())).toEqual([])
  expect(await wrongRowCounts(ledger, pool)).toEqual([])
  expect(feedSockets(ledger), 'sockets that were opened').toHaveLength(1)
  expect(readRoles(system), 'processes').toEqual(roles)
  return ledger
}
