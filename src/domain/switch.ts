/** An operator's switch over all markets: `paused` stops the frames of each, and what is desired of each stays beneath it. */
export type Everything = { state: 'active' | 'paused'; generation: number }

/** Without a turn of the switch nothing is held back. */
export const UNTOUCHED: Everything = { state: 'active', generation: 0 }

/** Reads the copy in Redis; undefined (unknown) where there is none, or none that is ours. */
export const toEverything = (text: string | null): Everything | undefined => {
  const [state, generation, ...rest] = (text ?? '').split(' ')
  if ((state !== 'active' && state !== 'paused') || rest.length > 0) return undefined
  return /^\d{1,15}$/.test(generation ?? '') ? { state, generation: Number(generation) } : undefined
}

export const everythingText = ({ state, generation }: Everything): string => `${state} ${generation}`
