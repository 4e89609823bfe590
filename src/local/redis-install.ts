import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { accepts } from './ports.ts'
import { findOnPath, runCommand, type CommandResult } from './run-command.ts'
import { amRoot } from './unprivileged.ts'

const POLICY = '/usr/sbin/policy-rc.d'
const INSTALL = ['install', '-y', '--no-install-recommends', 'redis-server']
export const INSTALL_COMMAND = `sudo apt-get ${INSTALL.join(' ')}`

const quick = { timeoutMs: 5_000, env: process.env }

/** How to become root: not needed, `sudo -n` without a password, or not at all. */
const rootPrefix = async (): Promise<string[] | undefined> => {
  if (amRoot()) return []
  return (await runCommand('sudo', ['-n', 'true'], quick)).code === 0 ? ['sudo', '-n'] : undefined
}

const asRoot = (prefix: string[], command: string[], timeoutMs: number): Promise<CommandResult> => {
  const [name = 'true', ...args] = [...prefix, ...command]
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return runCommand(name, args, { timeoutMs, env })
}

/** Debian's package starts its service on 6379 unless a policy forbids it; one that is there already is left alone. */
const forbidServiceStart = (): (() => void) => {
  if (!amRoot() || existsSync(POLICY)) return () => undefined
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  return () => rmSync(POLICY, { force: true })
}

const stopPackagedServer = async (prefix: string[]): Promise<void> => {
  if (existsSync('/run/systemd/system')) {
    await asRoot(prefix, ['systemctl', 'disable', '--now', 'redis-server'], 20_000)
  } else {
    await asRoot(prefix, ['service', 'redis-server', 'stop'], 20_000)
  }
}

const install = async (prefix: string[]): Promise<CommandResult> => {
  const allow = forbidServiceStart()
  try {
    const first = await asRoot(prefix, ['apt-get', ...INSTALL], 180_000)
    if (first.code === 0) return first
    await asRoot(prefix, ['apt-get', 'update'], 120_000)
    return await asRoot(prefix, ['apt-get', ...INSTALL], 180_000)
  } finally {
    allow()
  }
}

export type Found = { type: 'found'; path: string }
export type Installed = { type: 'installed'; path: string } | { type: 'not_installed'; reason: string }

/** Debian's package, where it may be installed without asking. A server on 6379 that was there before is not touched. */
const installRedis = async (): Promise<Installed> => {
  if (findOnPath('apt-get') === undefined) return { type: 'not_installed', reason: 'there is no apt-get' }
  const prefix = await rootPrefix()
  if (prefix === undefined) return { type: 'not_installed', reason: 'neither root nor sudo without a password' }
  const busyBefore = await accepts(6379)
  const result = await install(prefix)
  if (!busyBefore) await stopPackagedServer(prefix)
  const path = findOnPath('redis-server')
  if (path !== undefined) return { type: 'installed', path }
  return { type: 'not_installed', reason: `apt-get failed: ${result.output.trim().split('\n').at(-1)}` }
}

/** redis-server on PATH, else Debian's package. */
export const obtainRedis = async (say: (line: string) => void): Promise<Found | Installed> => {
  const path = findOnPath('redis-server')
  if (path !== undefined) return { type: 'found', path }
  say('redis-server is not on PATH, trying apt-get …')
  return installRedis()
}
