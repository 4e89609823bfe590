import { expect } from 'vitest'
import type { Ledger } from '../../src/emulator/ledger.ts'
import { expectRecorded, feedSockets, readRoles, type Recording } from './recording.ts'

export type Roles = ReturnType<typeof readRoles>

/**
 * Settles, then: books, rows and sequences are those of the ledger, on the one socket that was opened, by the processes
 * that were there before. Returns the ledger.
 */
export const expectWhole = async (recording: Recording, roles: Roles): Promise<Ledger> => {
  const ledger = await expectRecorded(recording)
  expect(feedSockets(ledger), 'sockets that were opened').toHaveLength(1)
  expect(readRoles(recording.system), 'processes').toEqual(roles)
  return ledger
}
