import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { createFlow, gammaText } from '../support/normalizer-flow.ts'
import { committed, until } from '../support/normalizer-shard.ts'
import { openStores } from '../support/normalizer-stores.ts'

const { database, redis, server, start } = await openStores()
const root = join(import.meta.dirname, '../..')

/** What README.md says of the channels. */
const section =
  readFileSync(join(root, 'README.md'), 'utf8').split('## React without polling')[1]?.split('\n## ')[0] ?? ''
const example = (language: string): string =>
  new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(section)?.[1] ?? ''
const fieldsOf = (channel: string): string[] => {
  const cells = section.split('\n').find((line) => line.startsWith(`| \`${channel}\``))?.split('|') ?? [] // prettier-ignore
  return [...(cells[3] ?? '').matchAll(/`(\w+)`/g)].map(([, name = '']) => name)
}

const folder = mkdtempSync(join(tmpdir(), 'polytape-push-'))
const running: ChildProcess[] = []
afterAll(async () => {
  for (const child of running) {
    if (child.pid === undefined || child.exitCode !== null) continue
    const ended = once(child, 'exit')
    process.kill(-child.pid)
    await ended
  }
  rmSync(folder, { recursive: true })
})

const run = (command: string, given: string[]): { lines: () => string[] } => {
  const env = { ...process.env, REDIS_URL: server.url }
  const child = spawn(command, given, { cwd: folder, env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] })
  running.push(child)
  let text = ''
  child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()))
  return { lines: () => text.split('\n').slice(0, -1) }
}

const listenerCount = async (): Promise<number> => Number((await redis.pubsub('NUMSUB', 'alerts'))[1])
const said = (lines: string[], channel: string): string[] =>
  lines.filter((line) => line.startsWith(`${channel}: `)).map((line) => line.slice(channel.length + 2))
/** Without its sequence, which also rises with changes behind the best prices: of these there is no message. */
const newestQuote = async (): Promise<string> => {
  const { bid_price = '', ask_price = '' } = await redis.hgetall('quote:51')
  return `51 ${bid_price} ${ask_price}`
}

test('the examples of README.md hear quotes and fills of a shard, with the fields that it lists, and catch up after a reconnect', async () => {
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  writeFileSync(join(folder, 'example.ts'), example('ts'))
  await using _ = start()
  const flow = createFlow(redis)
  await flow.catalogue([gammaText('51')])
  await flow.append('51', [['marker', '{"type":"subscribed","tokens":["51001","51002"]}']])
  await flow.books('51')
  await until('the market is live', async () => (await redis.hget('quote:51', 'state')) === 'live')
  const shell = run('bash', ['-c', example('sh')])
  const program = run(process.execPath, ['--import', 'tsx', 'example.ts', '51'])
  await until('both listen, and the program has read the hash', async () => {
    return (await listenerCount()) === 2 && said(program.lines(), 'quotes').length > 0
  })

  await flow.changes('51', 40)
  await flow.trade('51', '0x51')
  for (const crossing of [1, 1, 2]) await redis.publish('alerts', `{"id":"alert:1:${crossing}"}`)
  await until('each has heard each channel', () =>
    [shell, program].every(({ lines }) =>
      ['quotes', 'fills', 'alerts'].every((name) => said(lines(), name).length > 0),
    ),
  )
  expect(Object.keys(JSON.parse(said(shell.lines(), 'quotes')[0] ?? '') as object)).toEqual(fieldsOf('quotes'))
  expect(Object.keys(JSON.parse(said(shell.lines(), 'fills')[0] ?? '') as object)).toEqual(fieldsOf('fills'))
  await until('the program has heard the last alert', () =>
    said(program.lines(), 'alerts').some((text) => text.includes('alert:1:2')),
  )
  expect(said(program.lines(), 'alerts')).toEqual(['{"id":"alert:1:1"}', '{"id":"alert:1:2"}'])
  const hash = await redis.hgetall('quote:51')
  expect(fieldsOf('quotes').filter((name) => name !== 'market_id' && !(name in hash))).toEqual([])

  await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
  await flow.changes('51', 40)
  await committed({ redis, pool: database.pool }, 'orderbook:51')
  await until('the program has the newest quote', async () => {
    const last = said(program.lines(), 'quotes').at(-1) ?? ''
    return (await listenerCount()) > 0 && last.split(' at ')[0] === (await newestQuote())
  })
})
