import { fileURLToPath } from 'node:url'

/** Root folder of the checkout. */
export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))

/** Arguments of `node` that run a TypeScript file of the repository. */
export const nodeArgs = (file: string, args: string[]): string[] => ['--import', 'tsx', file, ...args]
