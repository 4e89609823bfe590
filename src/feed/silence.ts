import { firstString } from '../lib/json-elements.ts'
import { pause } from '../lib/every.ts'
import type { FetchBooks } from './rest-queue.ts'

export type SilenceWatch = {
  /** Call now and then while tokens are subscribed; returns true when the socket is proved to be silent although books move. */
  check(tokens: string[], newestFrameTimeMs: () => number, signal: AbortSignal): Promise<boolean>
}

/** Time that a frame may be on its way after REST shows its change. */
const GRACE_MS = 2_000

const hashesOf = (books: { token: string; text: string }[]): Map<string, string> =>
  new Map(books.map(({ token, text }) => [token, firstString(text, '"hash"') ?? text]))

/**
 * A socket without frames is not dead: quiet markets send none for hours, and PONG proves nothing (py-clob-client#292).
 * So REST is asked twice: when a book's hash changed between two answers while the socket stayed silent, the socket
 * is broken. Two answers of one source need no common clock with the venue.
 */
export const createSilenceWatch = (silenceMs: number, peek: FetchBooks): SilenceWatch => {
  let baseline: { frameTimeMs: number; hashes: Map<string, string> } | undefined
  let nextTimeMs = 0
  return {
    check: async (tokens, newestFrameTimeMs, signal) => {
      const frameTimeMs = newestFrameTimeMs()
      if (baseline?.frameTimeMs !== frameTimeMs) baseline = undefined
      if (Date.now() - frameTimeMs < silenceMs || Date.now() < nextTimeMs) return false
      nextTimeMs = Date.now() + Math.max(1_000, silenceMs / 3)
      const hashes = hashesOf(await peek(tokens, signal))
      const before = baseline?.hashes
      baseline ??= { frameTimeMs, hashes }
      const hasMoved = [...hashes].some(([token, hash]) => (before?.get(token) ?? hash) !== hash)
      if (!hasMoved) return false
      await pause(GRACE_MS, signal)
      return newestFrameTimeMs() === frameTimeMs && !signal.aborted
    },
  }
}
