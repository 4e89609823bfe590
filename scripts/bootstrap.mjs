// Runs before anything is installed: Node's own modules only.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..')
const MINIMUM_NODE = [20, 19, 0]

/** @param {string} version as in process.versions.node */
export const nodeIsTooOld = (version) => {
  const parts = version.split('.').map(Number)
  for (const [index, least] of MINIMUM_NODE.entries()) {
    if ((parts[index] ?? 0) !== least) return (parts[index] ?? 0) < least
  }
  return false
}

const readText = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined)

const readJson = (path) => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

const stampOf = (root) => {
  const lockfile = readText(join(root, 'package-lock.json')) ?? ''
  return createHash('sha256').update(`${process.platform} ${process.arch}\n${lockfile}`).digest('hex')
}

/** npm writes node_modules/.package-lock.json last, so a half-finished install has none. */
const differsFromLockfile = (root) => {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages ?? {}
  const installed = readJson(join(root, 'node_modules/.package-lock.json'))?.packages ?? {}
  return Object.entries(wanted).some(([path, entry]) => {
    if (path === '' || (entry.optional && installed[path] === undefined)) return false
    return installed[path]?.version !== entry.version || installed[path]?.integrity !== entry.integrity
  })
}

const missingPackage = (root) => {
  const own = readJson(join(root, 'package.json')) ?? {}
  const names = Object.keys({ ...own.dependencies, ...own.devDependencies })
  return names.find((name) => !existsSync(join(root, 'node_modules', name, 'package.json')))
}

/**
 * Why `npm ci` has to run, or undefined if node_modules is what the lockfile says.
 * The stamp is written only after a successful install; without one npm's own record decides.
 */
export const reasonToInstall = (root) => {
  if (!existsSync(join(root, 'node_modules'))) return 'there is no node_modules'
  if (!existsSync(join(root, 'node_modules/.package-lock.json'))) return 'an install was not finished'
  const missing = missingPackage(root)
  if (missing !== undefined) return `${missing} is missing`
  if (readText(join(root, 'node_modules/.polytape-lock')) === stampOf(root)) return undefined
  return differsFromLockfile(root) ? 'node_modules does not match package-lock.json' : undefined
}

const npmCi = (root) => {
  const args = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']
  const npm = process.env.npm_execpath
  const viaNode = npm !== undefined && /npm-cli\.c?js$/.test(npm)
  const command = viaNode ? process.execPath : 'npm'
  // stdout to stderr: `npm test` and commands keep their own output clean
  return spawnSync(command, viaNode ? [npm, ...args] : args, { cwd: root, stdio: ['ignore', 2, 2] })
}

const fail = (text) => {
  console.error(`polytape: ${text}`)
  process.exit(1)
}

/** Makes node_modules match the lockfile; says in one line what it did. Ends the process with code 1 if it cannot. */
export const bootstrap = (root = ROOT) => {
  if (nodeIsTooOld(process.versions.node)) {
    fail(`Node ${MINIMUM_NODE.join('.')} or newer is needed, this is ${process.versions.node} (${process.execPath})`)
  }
  const reason = reasonToInstall(root)
  const startedTimeMs = Date.now()
  if (reason !== undefined) {
    console.error(`polytape: ${reason}: running npm ci …`)
    const result = npmCi(root)
    if (result.error) fail(`npm could not be run: ${result.error.message}`)
    if (result.status !== 0) fail(`npm ci failed (${result.signal ?? `code ${result.status}`}); its messages are above`)
    console.error(`polytape: packages installed in ${((Date.now() - startedTimeMs) / 1000).toFixed(1)} s`)
  }
  const stamp = join(root, 'node_modules/.polytape-lock')
  if (readText(stamp) !== stampOf(root)) {
    try {
      writeFileSync(stamp, stampOf(root))
    } catch {
      // A read-only node_modules only costs the comparison again at the next start.
    }
  }
  if (reason === undefined) console.error('polytape: packages match package-lock.json')
}
