import { cpSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { openTestFolder } from './services-folder.ts'

const FOLDER = 'POLYTAPE_TEST_BUNDLES'

/** Whether the code that bundles itself runs from the sources or compiled: each has a bundle of its own. */
type Code = 'sources' | 'compiled'

/** State folders that are shared by a run of the tests for their bundles alone; undefined outside of one. */
export const bundlesOf = (code: Code): string | undefined => {
  const folder = process.env[FOLDER]
  return folder === undefined ? undefined : join(folder, code)
}

const copy = (from: string, to: string): void => {
  const [source, target] = [join(from, 'workflows'), join(to, 'workflows')]
  if (existsSync(source)) cpSync(source, target, { recursive: true, force: false })
}

/**
 * Puts the bundles that were made before into a state folder. To bundle takes seconds, and every start of a new state folder
 * does it; a bundle's name says of what code it is, so that one of other code is made anew.
 */
export const lendBundles = (code: Code, stateDir: string): void => {
  const shared = bundlesOf(code)
  if (shared !== undefined) copy(shared, stateDir)
}

/** Keeps what a state folder has for those that come later. */
export const keepBundles = (code: Code, stateDir: string): void => {
  const shared = bundlesOf(code)
  if (shared !== undefined) copy(stateDir, shared)
}

/** In a folder that is removed on dispose. */
export const shareBundles = async (): Promise<AsyncDisposable> => {
  const folder = await openTestFolder()
  process.env[FOLDER] = folder.state.root
  return folder
}
