const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const DAY_MS = UNIT_MS.d
/** A clock that is a little ahead of ours is no mistake of the person who asks. */
const SLACK_MS = 5_000

const AGO = /^(\d+(?:\.\d+)?)\s*([smhd])(?:\s+ago)?$/
const CLOCK = /^(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d{1,3})?))?Z?$/
const DATE = /^\d{4}-\d{2}-\d{2}$/
const DATE_AND_CLOCK = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)\s*(Z|[+-]\d{2}(?::?\d{2})?)?$/

export const ACCEPTED =
  '2026-11-23T20:15:00Z, "2026-11-23 20:15" (UTC), 2026-11-23, 20:15 (today, UTC), 15m, 2h or 1d (ago), epoch ms, now'

const isUnit = (text: string | undefined): text is keyof typeof UNIT_MS => text !== undefined && text in UNIT_MS

const clockOf = (match: RegExpExecArray, nowMs: number): number => {
  const [, hours, minutes, seconds] = match.map(Number)
  if ((hours ?? 0) > 23 || (minutes ?? 0) > 59 || (seconds ?? 0) >= 60) return NaN
  const sinceMidnightMs = (hours ?? 0) * UNIT_MS.h + (minutes ?? 0) * UNIT_MS.m + Math.round((seconds || 0) * 1_000)
  return Math.floor(nowMs / DAY_MS) * DAY_MS + sinceMidnightMs
}

const dateOf = (day: string, clock: string, zone: string): number => {
  const timeMs = Date.parse(`${day}T${clock}${zone}`)
  // Date.parse takes 30 February as 2 March.
  const isDay = new Date(Date.parse(`${day}T00:00Z`)).toISOString().startsWith(day)
  return isDay ? timeMs : NaN
}

const zoneText = (zone: string | undefined): string => {
  if (zone === undefined || zone === 'Z') return 'Z'
  return zone.length === 3 ? `${zone}:00` : `${zone.slice(0, 3)}:${zone.slice(-2)}`
}

const read = (text: string, nowMs: number): number => {
  if (text === 'now') return nowMs
  if (/^\d{12,14}$/.test(text)) return Number(text)
  if (/^\d{9,10}$/.test(text)) return Number(text) * 1_000
  if (DATE.test(text)) return dateOf(text, '00:00', 'Z')
  const ago = AGO.exec(text)
  if (ago !== null && isUnit(ago[2])) return nowMs - Math.round(Number(ago[1]) * UNIT_MS[ago[2]])
  const clock = CLOCK.exec(text)
  if (clock !== null) return clockOf(clock, nowMs)
  const full = DATE_AND_CLOCK.exec(text)
  return full === null ? NaN : dateOf(full[1] ?? '', full[2] ?? '', zoneText(full[3]))
}

/**
 * Epoch ms of an instant as a person writes it; without a zone it is UTC.
 *
 * @throws Error that names the option, what was expected and what came.
 */
export const parseInstant = (option: string, text: string, nowMs: number): number => {
  let timeMs = NaN
  try {
    timeMs = read(text.trim(), nowMs)
  } catch {
    // An impossible date: toISOString refuses it.
  }
  if (Number.isNaN(timeMs)) throw new Error(`${option}: expected a time, got "${text}"\naccepted: ${ACCEPTED}`)
  if (timeMs > nowMs + SLACK_MS) {
    const shown = new Date(timeMs).toISOString()
    throw new Error(`${option}: expected an instant that has been, got ${shown} (now ${new Date(nowMs).toISOString()})`)
  }
  return timeMs
}
