/** The venue's engine restarts: sockets are closed, upgrades and book requests answer 425, nothing is traded. */
export type Outage = { begin(durationMs: number): void; isOn(): boolean }

export const createOutage = (now: () => number): Outage => {
  let endTimeMs = 0
  return {
    begin: (durationMs) => void (endTimeMs = now() + durationMs),
    isOn: () => now() < endTimeMs,
  }
}
