/** One call of a script as the client sends it: `args` are the script or its SHA-1, the number of keys, keys and values. */
export type ScriptCall = { keyCount: number; valueCount: number; args: readonly unknown[] }

/** How many commands a call of the script runs on the server, itself left out. Whoever changes the script changes it too. */
export type CountCommands = (call: ScriptCall) => number

/** The n-th value, from 1, as a number. */
export const valueAt = ({ args, keyCount }: ScriptCall, at: number): number => Number(args[1 + keyCount + at])
