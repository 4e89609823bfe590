import { copyFileSync, chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toolFolder } from '../../src/local/go-install.ts'
import { findOnPath, isExecutable, runCommand } from '../../src/local/run-command.ts'
import { amRoot } from '../../src/local/unprivileged.ts'

export type Tool = { type: 'found'; path: string } | { type: 'absent'; reason: string }

type Wanted = { package: string; names: string[] }

const run = async (folder: string, command: string, args: string[]): Promise<void> => {
  const { code, output } = await runCommand(command, args, { timeoutMs: 180_000, env: process.env, cwd: folder })
  if (code !== 0) throw new Error(`${command} failed: ${output.trim().split('\n').at(-1)}`)
}

/** Lists of packages are root's; with a password they stay as they are. */
const updateLists = (folder: string): Promise<void> =>
  amRoot() ? run(folder, 'apt-get', ['update']) : run(folder, 'sudo', ['-n', 'apt-get', 'update'])

const download = async (folder: string, name: string): Promise<void> => {
  try {
    await run(folder, 'apt-get', ['download', name])
  } catch {
    await updateLists(folder)
    await run(folder, 'apt-get', ['download', name])
  }
}

/** Renamed into place, so that nobody sees half a file. */
const adopt = (source: string, name: string): void => {
  const target = join(toolFolder(), name)
  copyFileSync(source, `${target}.${process.pid}`)
  chmodSync(`${target}.${process.pid}`, 0o755)
  renameSync(`${target}.${process.pid}`, target)
}

/** Unpacked, not installed: that needs no root, starts no service, and leaves nothing on the machine but the tool cache. */
const unpack = async ({ package: name, names }: Wanted): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'polytape-debian-'))
  try {
    await download(folder, name)
    const file = readdirSync(folder).find((entry) => entry.endsWith('.deb'))
    if (file === undefined) throw new Error('apt-get download left no file')
    await run(folder, 'dpkg', ['-x', file, 'unpacked'])
    mkdirSync(toolFolder(), { recursive: true })
    for (const one of names) adopt(join(folder, 'unpacked', 'usr', 'bin', one), one)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const find = (name: string): string | undefined => findOnPath(name) ?? [join(toolFolder(), name)].find(isExecutable)

/**
 * Programs of a package of Debian that need no more than themselves: on PATH, in the tool cache, else unpacked into it, once
 * a machine. Never asks for a password.
 */
export const obtainDebianTools = async (wanted: Wanted): Promise<Tool[]> => {
  const absent = (reason: string): Tool[] => wanted.names.map(() => ({ type: 'absent', reason }))
  if (wanted.names.some((name) => find(name) === undefined)) {
    if (findOnPath('apt-get') === undefined) return absent('there is no apt-get')
    console.error(
      `${wanted.names.join(', ')}: not on PATH nor in the tool cache, unpacking Debian's ${wanted.package} …`,
    )
    try {
      await unpack(wanted)
    } catch (error) {
      return absent(error instanceof Error ? error.message : String(error))
    }
  }
  return wanted.names.map((name) => {
    const path = find(name)
    return path === undefined
      ? { type: 'absent', reason: `${name} is not in ${wanted.package}` }
      : { type: 'found', path }
  })
}
