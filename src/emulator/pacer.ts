/** Runs `step` so that the units it returns come at `rate` a second: even ticks, no bursts, exact over time. */
export type Pacer = Disposable

export type PacerOptions = {
  /** Units a second. */
  rate: number
  /** Units done; 0 when there is nothing to do now. */
  step: () => number
  /** Done at each tick before the steps, whatever the rate. Returns units that count too. */
  before: () => number
}

const TICK_MS = 2
/** Above 10,000 a second: half of the CPU of a tick is its system calls, here and at whoever receives. */
const BUSY_TICK_MS = 5
const IDLE_MS = 50
/** A stall is caught up with at most this much; the rest is forfeited rather than sent as one burst. */
const MAX_DEBT_MS = 250
/** Then sockets and HTTP get their turn. */
const MAX_WORK_MS = 4

export const startPacer = ({ rate, step, before }: PacerOptions): Pacer => {
  const tickMs = rate > 10_000 ? BUSY_TICK_MS : TICK_MS
  let credit = 0
  let lastMs = performance.now()
  let timer: NodeJS.Timeout | undefined
  let isIdle = false
  let isStopped = false

  const work = (startMs: number): void => {
    for (let steps = 0; credit >= 1; steps++) {
      if ((steps & 15) === 15 && performance.now() - startMs > MAX_WORK_MS) return
      const units = step()
      if (units === 0) {
        isIdle = true
        credit = 0
        return
      }
      credit -= units
    }
  }

  const tick = (): void => {
    // One that was put off to the next turn may come after the end.
    if (isStopped) return
    const nowMs = performance.now()
    credit = Math.min(credit + ((nowMs - lastMs) * rate) / 1000, (MAX_DEBT_MS * rate) / 1000)
    lastMs = nowMs
    isIdle = false
    credit -= before()
    work(nowMs)
    const dueMs = ((1 - credit) / rate) * 1000
    if (isStopped) return
    if (credit >= 1) setImmediate(tick)
    else timer = setTimeout(tick, isIdle ? tickMs * 2 : Math.min(Math.max(dueMs, tickMs), IDLE_MS))
  }
  timer = setTimeout(tick, tickMs)
  return {
    [Symbol.dispose]: () => {
      isStopped = true
      clearTimeout(timer)
    },
  }
}
