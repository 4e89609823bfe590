import { parseArgs, type ParseArgsConfig } from 'node:util'
import { explained } from './connections.ts'

/** What was typed is no command. */
export class UsageError extends Error {}

/** Options and words of a command. @throws UsageError where an option is none of these, or lacks its value. */
export const parseWords = <Options extends NonNullable<ParseArgsConfig['options']>>(
  args: string[],
  options: Options,
) => {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: true })
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

type Command = { name: string; usage: string; reasonOf?: (error: unknown) => string }

/** The exit code: what `work` answers, 2 with the usage where what was typed does not fit, 1 where it failed. */
export const runCommand = async (
  { name, usage, reasonOf = explained }: Command,
  work: () => Promise<number>,
): Promise<number> => {
  try {
    return await work()
  } catch (error) {
    const isMistyped = error instanceof UsageError
    console.error(`${name}: ${reasonOf(error)}${isMistyped ? `\n\n${usage}` : ''}`)
    return isMistyped ? 2 : 1
  }
}
