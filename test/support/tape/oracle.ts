import { copyLevels, emptyLevels, type Levels } from './levels.ts'
import { applyTo, isOfBook, keyOf, Receiver, type Loss, type Repair, type Wrong } from './receiver.ts'
import type { Sent, TokenTape } from './sent.ts'

export type Delivery = Pick<TokenTape, 'tape' | 'connections'> & {
  /** When each connection ended. */
  closings: readonly { connection: number; timeMs: number }[]
  /** Snapshots by which the receiver's book was replaced. */
  repairs: readonly Repair[]
  endMs: number
}

/** The venue's book after each batch, by time and hash. */
const truthsOf = (tape: readonly Sent[]): Map<string, Levels> => {
  const truths = new Map<string, Levels>()
  let levels = emptyLevels()
  const all = tape.filter(isOfBook)
  for (const [index, one] of all.entries()) {
    levels = applyTo(levels, one)
    const next = all[index + 1]
    if (next === undefined || keyOf(next) !== keyOf(one)) truths.set(keyOf(one), copyLevels(levels))
  }
  return truths
}

/** Order of the log; `act` of what is no text comes before the texts of its millisecond. */
type Step = { timeMs: number; at: number; act: (receiver: Receiver) => void }

const stepsOf = ({ tape, connections, closings, repairs }: Delivery): Step[] => {
  const truth = tape.filter(isOfBook).map((sent): Step => {
    return { ...sent, act: (receiver) => void (receiver.truth = applyTo(receiver.truth, sent)) }
  })
  const texts = [...connections].flatMap(([connection, all]) =>
    all.map((sent): Step => ({ ...sent, act: (receiver) => receiver.deliver(connection, sent) })),
  )
  const ends = closings.map(({ connection, timeMs }): Step => {
    return { timeMs, at: Infinity, act: (receiver) => receiver.close(connection) }
  })
  const replaced = repairs.map((one): Step => ({
    timeMs: one.timeMs,
    at: Infinity,
    act: (receiver) => receiver.repair(one),
  }))
  const logged = [...truth, ...texts].toSorted((left, right) => left.at - right.at)
  const noted = [...ends, ...replaced].toSorted((left, right) => left.timeMs - right.timeMs)
  const steps: Step[] = []
  for (const step of logged) {
    const due = noted.findIndex(({ timeMs }) => timeMs >= step.timeMs)
    steps.push(...noted.splice(0, due < 0 ? noted.length : due))
    steps.push(step)
  }
  return [...steps, ...noted]
}

/**
 * Judges by brute force what was sent of one token, level by level against the venue's own book: no hash is computed,
 * and no code of the product is used. A loss must be found where the delivered book was wrong at the end of a batch, no
 * state near a quote had its prices, or the book was wrong for 30 s.
 */
export const judgeDelivery = (delivery: Delivery): { losses: Loss[]; wrong: Wrong[] } => {
  const receiver = new Receiver(truthsOf(delivery.tape))
  for (const { timeMs, act } of stepsOf(delivery)) {
    receiver.advance(timeMs)
    act(receiver)
    receiver.compare(timeMs)
  }
  receiver.end(delivery.endMs)
  return receiver
}
