import type { VenueFrame } from './frame.ts'

/** What one connection is to suffer, by token. `swap` holds the frame until the token's next one has gone out. */
type TokenFault = { type: 'drop' | 'duplicate' | 'swap'; count: number; held: VenueFrame | undefined }

export type ConnectionFaults = {
  /** Frames to send now in place of `frame`, in order, and what was done. */
  pass(frame: VenueFrame): { frames: VenueFrame[]; done: TokenFault['type'] | 'hold' | undefined }
  /** False while the token's last one is not done: a frame that is held back would be lost. */
  set(token: string, fault: Pick<TokenFault, 'type' | 'count'>): boolean
}

const spend = (byToken: Map<string, TokenFault>, token: string, fault: TokenFault): void => {
  fault.count--
  if (fault.count <= 0) byToken.delete(token)
}

/** The same frame a second time changes nothing. */
const again = (frame: VenueFrame): VenueFrame => ({ ...frame, rows: frame.rows.map(() => 0) })

export const createConnectionFaults = (): ConnectionFaults => {
  const byToken = new Map<string, TokenFault>()
  const find = (frame: VenueFrame): [string, TokenFault] | undefined => {
    for (const { token } of frame.tokens) {
      const fault = byToken.get(token)
      if (fault !== undefined) return [token, fault]
    }
    return undefined
  }
  return {
    set: (token, { type, count }) => {
      if (byToken.has(token)) return false
      byToken.set(token, { type, count, held: undefined })
      return true
    },
    pass: (frame) => {
      const found = byToken.size === 0 ? undefined : find(frame)
      if (found === undefined) return { frames: [frame], done: undefined }
      const [token, fault] = found
      if (fault.held !== undefined) {
        const frames = [frame, fault.held]
        fault.held = undefined
        spend(byToken, token, fault)
        return { frames, done: 'swap' }
      }
      if (frame.type !== 'price_change') return { frames: [frame], done: undefined }
      if (fault.type === 'swap') {
        fault.held = frame
        return { frames: [], done: 'hold' }
      }
      spend(byToken, token, fault)
      return fault.type === 'drop' ? { frames: [], done: 'drop' } : { frames: [frame, again(frame)], done: 'duplicate' }
    },
  }
}
