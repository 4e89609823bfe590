import { execFileSync } from 'node:child_process'
import { chmodSync, closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { brokenPromises } from '../support/recorded-truth.ts'
import { openRecording, readGaps, readRoles, settle, type Recording } from '../support/recording.ts'
import { createSay, endSoak } from '../support/soak.ts'

/**
 * `npm run soak:disk`: the whole product with all its servers on one small disk, which becomes full under load, and has
 * room again. Needs root, to mount a tmpfs.
 */
const text = { type: 'string' } as const
const { values } = parseArgs({
  options: {
    megabytes: { ...text, default: '1500' },
    'full-seconds': { ...text, default: '20' },
    times: { ...text, default: '2' },
    markets: { ...text, default: '50' },
    rate: { ...text, default: '500' },
  },
})
const FLOW_MS = 10_000
const CHUNK = Buffer.alloc(1_048_576)
const say = createSay()

/** All of the room goes, to the last byte that is to be had. */
const fill = (path: string): void => {
  const file = openSync(path, 'w')
  for (let size = CHUNK.length; size >= 1;) {
    try {
      writeSync(file, CHUNK, 0, size)
    } catch {
      size = Math.floor(size / 2)
    }
  }
  closeSync(file)
}

const freeMegabytes = (folder: string): number => {
  const { bavail, bsize } = statfsSync(folder)
  return Math.round((bavail * bsize) / 1_048_576)
}

const run = async (recording: Recording, disk: string): Promise<string[]> => {
  const { system, pool } = recording
  const before = new Map(readRoles(system).map(({ role, restarts }) => [role, restarts]))
  for (let times = 0; times < Number(values.times); times++) {
    await sleep(FLOW_MS)
    const ballast = join(disk, 'ballast')
    fill(ballast)
    say(`the disk is full: ${freeMegabytes(disk)} MB are free`)
    await sleep(Number(values['full-seconds']) * 1_000)
    rmSync(ballast)
    say(`the disk has room again: ${freeMegabytes(disk)} MB`)
  }
  await sleep(FLOW_MS)
  const ledger = await settle(recording)
  const restarted = readRoles(system).filter(({ role, restarts }) => restarts !== before.get(role))
  say('settled')
  const reasons = (await readGaps(pool)).map(({ reason }) => reason)
  for (const reason of new Set(reasons)) say(`gaps ${reason}: ${reasons.filter((one) => one === reason).length}`)
  const dead = await pool.query<{ reason: string; n: number }>(
    'select reason, count(*)::int as n from dead_letters group by 1',
  )
  for (const { reason, n } of dead.rows) say(`dead letters ${reason}: ${n}`)
  const broken = await brokenPromises(ledger, pool, system.redis())
  return [...broken, ...restarted.map(({ role }) => `${role} ended on a full disk and was started again`)]
}

const disk = mkdtempSync(join(tmpdir(), 'polytape-disk-'))
execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${values.megabytes}m`, 'tmpfs', disk])
chmodSync(disk, 0o777)
process.env['TMPDIR'] = disk
let broken: string[] = ['it did not come to an end']
try {
  await using recording = await openRecording({ markets: Number(values.markets), rate: Number(values.rate), env: {} })
  say('all markets are live')
  broken = await run(recording, disk)
} catch (error) {
  broken = [error instanceof Error ? error.message : String(error)]
} finally {
  execFileSync('umount', ['-l', disk])
  rmdirSync(disk)
}
endSoak(broken)
