import { measureAppend } from '../parts/append.ts'
import { measureBookHash } from '../parts/book-hash.ts'
import { measureCopy } from '../parts/copy.ts'
import { measureReceive } from '../parts/receive.ts'
import { figure, type Figure } from '../support/figure.ts'
import type { PartRates, Scenario } from '../support/scenario.ts'

/** The emulator's: what is compared must hash the same books. */
const LEVELS_A_SIDE = 20
const HASH_ROUNDS = 50_000

export type MeasuredParts = { rates: PartRates; figures: Figure[] }

/** Each with the machine for itself, so that no share says more than the whole could have had. */
export const measureParts = async (isQuick: boolean): Promise<MeasuredParts> => {
  const seconds = isQuick ? 3 : 8
  const { texts, ...received } = await measureReceive(seconds)
  const rates: PartRates = {
    receivedFrames: received.framesPerSecond,
    appendedFrames: await measureAppend(texts, seconds),
    copiedRows: await measureCopy(seconds),
    hashedBooks: 1e6 / measureBookHash(LEVELS_A_SIDE, HASH_ROUNDS).changeAndHash,
  }
  const bytesNote = `${received.bytesPerFrame.toFixed(0)} bytes a frame; the ceiling of the emulator`
  return {
    rates,
    figures: [
      figure('websocket: emulator to a client that counts', rates.receivedFrames, 'frames/s', { note: bytesNote }),
      figure('  a CPU second of the emulator', received.framesPerEmulatorCpuSecond, 'frames'),
      figure('  a CPU second of the client', received.framesPerReceiverCpuSecond, 'frames'),
      figure('Redis: append script, signed entries', rates.appendedFrames, 'frames/s', {
        note: 'one call at a time, 80 frames each',
      }),
      figure('Postgres: COPY into a partition', rates.copiedRows, 'rows/s', {
        note: 'one connection, 800 rows a commit, fsync off',
      }),
      figure('SHA-1: a level changed, its book hashed', rates.hashedBooks, 'books/s', {
        note: `${2 * LEVELS_A_SIDE} levels`,
      }),
    ],
  }
}

/** `measured` is shared with the scenarios that ask for rates: parts are measured once a run. */
export const partsScenario = (measured: () => Promise<MeasuredParts>): Scenario => ({
  name: 'parts',
  what: 'what each part does alone on this machine',
  run: async () => (await measured()).figures,
})
