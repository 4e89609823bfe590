import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { openChildRecord, stopLeftovers } from '../../src/local/children.ts'
import { acquireLock } from '../../src/local/lock.ts'
import { isAlive, markOf } from '../../src/local/os-process.ts'
import { openStateDir } from '../../src/local/state-dir.ts'

const made: string[] = []
const folder = () => {
  const path = mkdtempSync(join(tmpdir(), 'polytape-lock-'))
  made.push(path)
  return path
}
afterAll(() => made.forEach((path) => rmSync(path, { recursive: true, force: true })))
const sleeper = () => markOf(spawn('sleep', ['60'], { detached: true, stdio: 'ignore' }).pid ?? 0)

describe('the lock of a state folder', () => {
  it('is held by a living process and told with its pid', () => {
    const path = join(folder(), 'lock')
    const owner = sleeper()
    expect(acquireLock(path, owner).type).toBe('acquired')
    expect(acquireLock(path)).toMatchObject({ type: 'held', owner })
    process.kill(owner.pid, 'SIGKILL')
  })

  it('is free again when its owner was killed', async () => {
    const path = join(folder(), 'lock')
    const owner = sleeper()
    acquireLock(path, owner)
    process.kill(owner.pid, 'SIGKILL')
    await expect.poll(() => isAlive(owner), { timeout: 60_000 }).toBe(false)
    expect(acquireLock(path).type).toBe('acquired')
  })

  it('is free when the pid now belongs to another process', () => {
    const path = join(folder(), 'lock')
    acquireLock(path, { pid: process.pid, startedAt: 'another time' })
    expect(acquireLock(path).type).toBe('acquired')
  })

  it('is free when its file is broken', () => {
    const path = join(folder(), 'lock')
    writeFileSync(path, '{"pid":')
    expect(acquireLock(path).type).toBe('acquired')
  })

  it('is released by its owner and leaves nothing', () => {
    const parent = folder()
    const lock = acquireLock(join(parent, 'lock'))
    if (lock.type === 'acquired') lock.release()
    expect(readdirSync(parent)).toEqual([])
  })
})

describe('processes left by a killed start', () => {
  it('are stopped', async () => {
    const state = openStateDir(folder())
    const left = sleeper()
    openChildRecord(state).add({ name: 'redis', kind: 'server', stopSignal: 'SIGTERM', ...left })
    expect(await stopLeftovers(state)).toEqual(['redis'])
    expect(isAlive(left)).toBe(false)
  })

  it('are left alone when the pid belongs to a process that started at another time', async () => {
    const state = openStateDir(folder())
    const stranger = sleeper()
    const child = { name: 'feed', kind: 'role', stopSignal: 'SIGTERM' } as const
    openChildRecord(state).add({ ...child, pid: stranger.pid, startedAt: 'another time' })
    expect(await stopLeftovers(state)).toEqual([])
    expect(isAlive(stranger)).toBe(true)
    process.kill(stranger.pid, 'SIGKILL')
  })
})
