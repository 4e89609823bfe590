import { ActivityFailure, ApplicationFailure } from '@temporalio/workflow'
import type { z } from './zod.ts'

/**
 * What a module exports is frozen for all workflows of a worker, and zod keeps in a schema what it works out: so a schema stays
 * in its module, and this is exported.
 */
export const checkOf =
  <T>(schema: z.ZodType<T>) =>
  (input: unknown): z.ZodSafeParseResult<T> =>
    schema.safeParse(input)

/** Parses what an operator typed. Bad input fails the workflow for good: retrying the task would hang it for ever. */
export const parseInput = <T>(schema: z.ZodType<T>, input: unknown): T => {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  throw ApplicationFailure.nonRetryable(`input does not fit: ${reasonsOf(result.error)}`, 'BadInput')
}

export const reasonsOf = (error: z.ZodError): string =>
  error.issues.map((issue) => [issue.path.join('.'), issue.message].filter((part) => part !== '').join(': ')).join('; ')

/** Why an activity was given up for good; undefined where it was not. */
export const refusalOf = (error: unknown): ApplicationFailure | undefined => {
  const cause = error instanceof ActivityFailure ? error.cause : undefined
  return cause instanceof ApplicationFailure ? cause : undefined
}

/** An activity's final refusal becomes the workflow's own, so that its message is the first thing an operator reads. */
export const refuse = (error: unknown): never => {
  const refusal = refusalOf(error)
  if (refusal !== undefined) throw ApplicationFailure.nonRetryable(refusal.message, refusal.type)
  throw error
}

/** In words why an activity or anything else failed. */
export const reasonOf = (error: unknown): string => {
  const cause = error instanceof ActivityFailure && error.cause !== undefined ? error.cause : error
  return cause instanceof Error ? cause.message : String(cause)
}

/** For a schema. Not zod's own: its pattern is one object for all, and frozen here, so that the first match would fail. */
export const isDay = (text: string): boolean => {
  const timeMs = Date.parse(text)
  return !Number.isNaN(timeMs) && new Date(timeMs).toISOString().slice(0, 10) === text
}
export const DAY_EXPECTED = 'expected a UTC day as 2026-10-01'
