import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { toolFolder } from '../../src/local/go-install.ts'
import { findOnPath, isExecutable, runCommand, type CommandResult } from '../../src/local/run-command.ts'
import { amRoot } from '../../src/local/unprivileged.ts'

export type Tool = { type: 'found'; path: string } | { type: 'absent'; reason: string }

const apt = (command: string[], cwd?: string): Promise<CommandResult> => {
  const [name = 'true', ...args] = command
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return runCommand(name, args, { timeoutMs: 180_000, env, ...(cwd === undefined ? {} : { cwd }) })
}

const onPath = (program: string): string | undefined =>
  findOnPath(program) ?? findOnPath(program, '/usr/sbin:/usr/local/sbin')

/** As root, or by `sudo -n`, which asks for no password. */
const install = async (name: string): Promise<void> => {
  const prefix = amRoot() ? [] : ['sudo', '-n']
  await apt([...prefix, 'apt-get', 'install', '-y', '--no-install-recommends', name])
}

/** Without any rights: into the tool cache, once a machine. */
const unpack = async (name: string, program: string): Promise<string | undefined> => {
  const home = join(toolFolder(), `debian-${name}`)
  const path = join(home, 'usr/sbin', program)
  if (isExecutable(path)) return path
  mkdirSync(toolFolder(), { recursive: true })
  const draft = mkdtempSync(join(toolFolder(), `${name}-`))
  try {
    await apt(['apt-get', 'download', name], draft)
    const archive = readdirSync(draft).find((entry) => entry.endsWith('.deb'))
    if (archive === undefined) return undefined
    const unpacked = await apt(['dpkg', '-x', join(draft, archive), join(draft, 'root')])
    if (unpacked.code !== 0) return undefined
    rmSync(home, { recursive: true, force: true })
    renameSync(join(draft, 'root'), home)
    return isExecutable(path) ? path : undefined
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
}

/** PATH, else Debian's package: installed where that needs no password, else unpacked into the tool cache. */
export const obtainDebian = async (name: string, program: string): Promise<Tool> => {
  const there = onPath(program)
  if (there !== undefined) return { type: 'found', path: there }
  if (findOnPath('apt-get') === undefined) return { type: 'absent', reason: `no ${program}, and no apt-get either` }
  console.error(`${program} is not on PATH, trying apt-get …`)
  await install(name)
  const path = onPath(program) ?? (await unpack(name, program))
  const runs = path !== undefined && (await apt([path, '--version'])).code === 0
  if (runs) return { type: 'found', path }
  return { type: 'absent', reason: `apt-get gave no ${program} that runs: install Debian's package ${name}` }
}
