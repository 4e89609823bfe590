import { explained } from './connections.ts'

/** What was typed is no command. */
export class UsageError extends Error {}

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
