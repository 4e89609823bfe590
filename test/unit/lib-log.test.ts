import { execFile } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createLog, toDescriptor } from '../../src/lib/log.ts'

const LOG = new URL('../../src/lib/log.ts', import.meta.url).href

test('an error is logged with its message and cause, and without the fields that may carry secrets', () => {
  const lines: string[] = []
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString())
      done()
    },
  })
  const error = Object.assign(new Error('who won', { cause: new Error('why') }), { command: { args: ['hunter2'] } })
  createLog('test', 'info', destination).error({ error }, 'a shard ended')
  const [line = ''] = lines
  expect(JSON.parse(line)).toMatchObject({
    role: 'test',
    msg: 'a shard ended',
    error: { type: 'Error', message: 'who won', cause: { message: 'why' } },
  })
  expect(line).not.toContain('hunter2')
})

test('a disk that is full ends nobody who logs', async () => {
  const full = openSync('/dev/full', 'w')
  const log = createLog('test', 'info', toDescriptor(full))
  for (let lines = 0; lines < 3; lines++) {
    log.info('it goes on')
    await sleep(50)
  }
  closeSync(full)
})

test('nor does it keep anybody from ending', async () => {
  const script = `
    import { openSync } from 'node:fs'
    import { createLog, toDescriptor } from ${JSON.stringify(LOG)}
    createLog('test', 'info', toDescriptor(openSync('/dev/full', 'w'))).info('it goes on')
    setTimeout(() => process.exit(7), 200)`
  const ended = promisify(execFile)(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    timeout: 40_000,
  })
  await expect(ended).rejects.toMatchObject({ code: 7 })
})

test('what is logged is in its file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'polytape-log-file-'))
  const path = join(folder, 'log')
  const file = openSync(path, 'w')
  createLog('test', 'info', toDescriptor(file)).info('it goes on')
  await expect.poll(() => readFileSync(path, 'utf8')).toContain('it goes on')
  closeSync(file)
  rmSync(folder, { recursive: true })
})
