import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { createLog } from '../../src/lib/log.ts'

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
