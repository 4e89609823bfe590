import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY } from './repository.ts'
import { runCommand } from './run-command.ts'

const PREFIX = 'dist-'
const REMOVED = '.removed'
const COMPILE_MS = 120_000
/** Another checkout state may still run from its own folder. */
const UNUSED_MS = 2 * 86_400_000

const fingerprint = (root: string): string => {
  const hash = createHash('sha256')
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).toSorted()
  for (const name of sources.filter((one) => one.endsWith('.ts'))) {
    hash.update(name).update(readFileSync(join(root, 'src', name)))
  }
  for (const name of ['tsconfig.json', 'tsconfig.build.json', 'package-lock.json'])
    hash.update(readFileSync(join(root, name)))
  return hash.digest('hex').slice(0, 16)
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

/** Under another name first: what is left of a removal that was cut off must not be taken for a whole folder. */
const removeWhole = (path: string): void => {
  const aside = path.endsWith(REMOVED) ? path : `${path}${REMOVED}`
  if (aside !== path) renameSync(path, aside)
  rmSync(aside, { recursive: true, force: true })
}

/** Says that it is in use. To be repeated: a start may run for weeks, and restarts its processes from there. */
export const keepCompiled = (folder: string): void => {
  if (isFolder(folder)) utimesSync(folder, new Date(), new Date())
}

const forgetUnused = (root: string): void => {
  for (const name of readdirSync(root).filter((one) => one.startsWith(PREFIX))) {
    const path = join(root, name)
    const unusedMs = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity)
    if (unusedMs > UNUSED_MS) removeWhole(path)
  }
}

/** Types are not checked here: `npm run check` does, and what runs would be the same. */
const compileInto = async (root: string, folder: string): Promise<void> => {
  const aside = `${folder}.${process.pid}`
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const args = [compiler, '-p', 'tsconfig.build.json', '--noCheck', '--outDir', aside]
  const { code, output } = await runCommand(process.execPath, args, {
    timeoutMs: COMPILE_MS,
    env: process.env,
    cwd: root,
  })
  try {
    if (code !== 0) throw new Error(output.trim().split('\n').at(-1))
    // Another start may have made the same meanwhile.
    if (!isFolder(folder)) renameSync(aside, folder)
  } finally {
    rmSync(aside, { recursive: true, force: true })
  }
}

const tidy = (folder: string, root: string, say: (line: string) => void): void => {
  try {
    keepCompiled(folder)
    forgetUnused(root)
  } catch (error) {
    say(`folders of compiled sources that are not used any more could not be removed: ${reasonOf(error)}`)
  }
}

/**
 * The folder of the compiled sources, made once for each state of them: a process that runs from it takes a tenth less time
 * than by tsx, which names every function anew that is made while it runs. Undefined, and said, where it cannot be made.
 */
export const compile = async (say: (line: string) => void, root = REPOSITORY): Promise<string | undefined> => {
  try {
    const folder = join(root, `${PREFIX}${fingerprint(root)}`)
    if (!isFolder(folder)) await compileInto(root, folder)
    tidy(folder, root, say)
    return folder
  } catch (error) {
    say(`the sources could not be compiled (${reasonOf(error)}): they run by tsx, a tenth slower`)
    return undefined
  }
}
