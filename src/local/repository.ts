import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Root folder of the checkout. */
export const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))

/** Arguments of `node` that run a file of `src`: from the folder of compiled sources, else by tsx. */
export const nodeArgs = (compiled: string | undefined, file: string, args: string[]): string[] =>
  compiled === undefined
    ? ['--import', 'tsx', join('src', `${file}.ts`), ...args]
    : [join(compiled, `${file}.js`), ...args]
