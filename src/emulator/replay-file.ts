import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { z } from 'zod'

export type ReplayFrame = { receivedTimeMs: number; text: string }
export type SkippedLine = { line: number; reason: string }
export type ReplayFile = { frames: ReplayFrame[]; skipped: SkippedLine[] }

const instant = z.union([z.number(), z.string()]).transform((value, context) => {
  const timeMs = typeof value === 'number' || /^\d+$/.test(value) ? Number(value) : Date.parse(value)
  if (Number.isFinite(timeMs)) return Math.trunc(timeMs)
  context.addIssue({ code: 'custom', message: `expected an ISO time or epoch ms, got "${value}"` })
  return z.NEVER
})
const recorded = z.object({ receivedAt: instant, payloadUtf8: z.string() })
/** A log of both directions: only what was received is played. */
const logged = z.object({ t: instant, dir: z.string(), data: z.string() })

type Line = { type: 'frame'; frame: ReplayFrame } | { type: 'other' } | { type: 'malformed'; reason: string }

const parseLine = (text: string): Line => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { type: 'malformed', reason: `expected JSON, got ${text.slice(0, 60)}` }
  }
  const log = logged.safeParse(value)
  if (log.success) {
    const frame = { receivedTimeMs: log.data.t, text: log.data.data }
    return log.data.dir === 'recv' && frame.text !== 'PONG' ? { type: 'frame', frame } : { type: 'other' }
  }
  const line = recorded.safeParse(value)
  if (!line.success) return { type: 'malformed', reason: z.prettifyError(line.error).replaceAll('\n', ' ') }
  const frame = { receivedTimeMs: line.data.receivedAt, text: line.data.payloadUtf8 }
  return frame.text === 'PONG' ? { type: 'other' } : { type: 'frame', frame }
}

/** Reads `{"receivedAt": <ISO or ms>, "payloadUtf8": "<frame>"}` lines. Malformed ones are listed, not thrown. */
export const readReplayFile = async (path: string): Promise<ReplayFile> => {
  const frames: ReplayFrame[] = []
  const skipped: SkippedLine[] = []
  let number = 0
  for await (const text of createInterface({ input: createReadStream(path, 'utf8'), crlfDelay: Infinity })) {
    number++
    if (text.trim() === '') continue
    const line = parseLine(text)
    if (line.type === 'frame') frames.push(line.frame)
    else if (line.type === 'malformed') skipped.push({ line: number, reason: line.reason })
  }
  return { frames, skipped }
}
