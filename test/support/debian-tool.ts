import { copyFileSync, chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toolFolder } from '../../src/local/go-install.ts'
import { findOnPath, isExecutable, runCommand } from '../../src/local/run-command.ts'
import { amRoot } from '../../src/local/unprivileged.ts'

export type Tool = { type: 'found'; path: string } | { type: 'absent'; reason: string }

/** `hasLibraries`: the programs need more of Debian than their own package. */
type Wanted = { package: string; names: string[]; hasLibraries?: boolean }

const APT = { timeoutMs: 180_000, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } }

const run = async (folder: string, command: string, args: string[]): Promise<void> => {
  const { code, output } = await runCommand(command, args, { ...APT, cwd: folder })
  if (code !== 0) throw new Error(`${command} failed: ${output.trim().split('\n').at(-1)}`)
}

/** Of root or by `sudo -n`: where that takes a password it fails. */
const runAsRoot = (folder: string, args: string[]): Promise<void> =>
  amRoot() ? run(folder, 'apt-get', args) : run(folder, 'sudo', ['-n', 'apt-get', ...args])

const download = async (folder: string, name: string): Promise<void> => {
  try {
    await run(folder, 'apt-get', ['download', name])
  } catch {
    await runAsRoot(folder, ['update'])
    await run(folder, 'apt-get', ['download', name])
  }
}

/** Renamed into place, so that nobody sees half a file. */
const adopt = (root: string, name: string): void => {
  const target = join(toolFolder(), name)
  const source = ['usr/bin', 'usr/sbin'].map((folder) => join(root, folder, name)).find((path) => existsSync(path))
  if (source === undefined) return
  copyFileSync(source, `${target}.${process.pid}`)
  chmodSync(`${target}.${process.pid}`, 0o755)
  renameSync(`${target}.${process.pid}`, target)
}

/** Unpacked, not installed: that needs no root, starts no service, and leaves nothing on the machine but the tool cache. */
const unpack = async (folder: string, { package: name, names }: Wanted): Promise<void> => {
  await download(folder, name)
  const file = readdirSync(folder).find((entry) => entry.endsWith('.deb'))
  if (file === undefined) throw new Error('apt-get download left no file')
  await run(folder, 'dpkg', ['-x', file, 'unpacked'])
  mkdirSync(toolFolder(), { recursive: true })
  for (const one of names) adopt(join(folder, 'unpacked'), one)
}

const install = (folder: string, name: string): Promise<void> =>
  runAsRoot(folder, ['install', '-y', '--no-install-recommends', name])

const find = (name: string): string | undefined =>
  findOnPath(name) ??
  findOnPath(name, '/usr/sbin:/usr/local/sbin') ??
  [join(toolFolder(), name)].find((path) => isExecutable(path))

const areMissing = ({ names }: Wanted): boolean => names.some((name) => find(name) === undefined)

const obtain = async (wanted: Wanted): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'polytape-debian-'))
  try {
    if (wanted.hasLibraries === true) await install(folder, wanted.package).catch(() => undefined)
    if (areMissing(wanted)) await unpack(folder, wanted)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const toTool = async (name: string, { package: from }: Wanted): Promise<Tool> => {
  const path = find(name)
  if (path === undefined) return { type: 'absent', reason: `${name} is not in ${from}` }
  const { code, output } = await runCommand(path, ['--version'], { ...APT, timeoutMs: 10_000 })
  if (code === 0) return { type: 'found', path }
  return { type: 'absent', reason: `${path} does not run (${output.trim().split('\n').at(-1)}): install ${from}` }
}

/**
 * Programs of a package of Debian: on PATH, in the tool cache, else fetched, once a machine: installed where they need
 * libraries and that takes no password, else unpacked into the tool cache. Never asks for a password.
 */
export const obtainDebianTools = async (wanted: Wanted): Promise<Tool[]> => {
  const absent = (reason: string): Tool[] => wanted.names.map(() => ({ type: 'absent', reason }))
  if (areMissing(wanted)) {
    if (findOnPath('apt-get') === undefined) return absent('there is no apt-get')
    console.error(
      `${wanted.names.join(', ')}: not on PATH nor in the tool cache, fetching Debian's ${wanted.package} …`,
    )
    try {
      await obtain(wanted)
    } catch (error) {
      return absent(error instanceof Error ? error.message : String(error))
    }
  }
  return Promise.all(wanted.names.map((name) => toTool(name, wanted)))
}
