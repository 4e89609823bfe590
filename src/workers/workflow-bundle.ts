import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker'
import type { Logger } from '../lib/log.ts'

const sources = fileURLToPath(new URL('..', import.meta.url))
/** `.ts` in development, `.js` after a build: the registry has our own extension. */
const extension = import.meta.url.slice(-3)
const workflowsPath = join(sources, 'workflows', `index${extension}`)
/**
 * Made once a worker and frozen, where each workflow would else have modules of its own, of all workflows: to make them, with
 * their zod schemas, took a fifth of the time of the thread that runs workflows.
 */
const preloadModules = ['stack-depth', 'index'].map((name) => join(sources, 'workflows', `${name}${extension}`))
/** What can change the bundle: our code that workflows import, and the versions of the packages. */
const FOLDERS = ['workflows', 'domain']
const LOCK_FILE = join(sources, '..', 'package-lock.json')

const fingerprint = async (): Promise<string> => {
  const hash = createHash('sha256')
  for (const folder of FOLDERS) {
    for (const name of (await readdir(join(sources, folder))).toSorted()) {
      hash.update(name).update(await readFile(join(sources, folder, name)))
    }
  }
  hash.update(await readFile(fileURLToPath(import.meta.url)))
  hash.update(await readFile(LOCK_FILE).catch(() => ''))
  return hash.digest('hex').slice(0, 16)
}

const isThere = async (folder: string, name: string): Promise<boolean> => (await readdir(folder)).includes(name)

/** As every worker runs them; tests too. */
export const bundleWorkflows = (logger: DefaultLogger): ReturnType<typeof bundleWorkflowCode> =>
  bundleWorkflowCode({ workflowsPath, preloadModules, logger })

/**
 * Path of the workflows as one script. Made once for each state of the code (measured: 3.3 s on two cores, half of a
 * control worker's start) and kept beside the other state.
 */
export const loadWorkflowBundle = async (stateDir: string, log: Logger): Promise<string> => {
  const folder = join(stateDir, 'workflows')
  const name = `${await fingerprint()}.js`
  const path = join(folder, name)
  await mkdir(folder, { recursive: true })
  if (await isThere(folder, name)) return path
  const startedTimeMs = Date.now()
  const quiet = new DefaultLogger('WARN', ({ message }) => log.warn(message))
  const { code } = await bundleWorkflows(quiet)
  const aside = `${path}.${process.pid}`
  await writeFile(aside, code)
  await rename(aside, path)
  const old = (await readdir(folder)).filter((other) => other.endsWith('.js') && other !== name)
  await Promise.allSettled(old.map((other) => unlink(join(folder, other))))
  log.info({ bundleMs: Date.now() - startedTimeMs }, 'bundled the workflows')
  return path
}
