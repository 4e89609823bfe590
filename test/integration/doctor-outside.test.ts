import { randomBytes } from 'node:crypto'
import { readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Client, Connection } from '@temporalio/client'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openEmulator, type Emulator } from '../../src/emulator/emulator.ts'
import { runCommand } from '../../src/local/run-command.ts'
import { deploySchedules } from '../../src/workers/schedules.ts'
import { allPrinted, illIn, lineOf, lookAt } from '../support/doctor.ts'
import { openS3, whyNoS3 } from '../support/s3.ts'
import { openTestFolder, type TestFolder } from '../support/services-folder.ts'

const noS3 = await whyNoS3()
let emulator: Emulator
let folder: TestFolder

beforeAll(async () => {
  ;[emulator, folder] = await Promise.all([openEmulator({ marketCount: 2, rate: 0 }), openTestFolder()])
})
afterAll(async () => {
  await Promise.all([emulator[Symbol.asyncDispose](), folder[Symbol.asyncDispose]()])
})

const state = () => ({ POLYTAPE_STATE_DIR: folder.state.root })
const withVenue = (more: NodeJS.ProcessEnv = {}) => ({
  ...state(),
  POLYMARKET_WS_URL: emulator.urls.ws,
  POLYMARKET_GAMMA_URL: emulator.urls.gamma,
  POLYMARKET_CLOB_URL: emulator.urls.clob,
  POLYMARKET_DATA_URL: emulator.urls.data,
  ...more,
})

describe('Temporal', () => {
  // Other files run in this process.
  afterAll(() => void vi.unstubAllEnvs())
  const inNamespace = async (namespace: string) => {
    vi.stubEnv('TEMPORAL_ADDRESS', process.env['POLYTAPE_TEST_TEMPORAL_ADDRESS'])
    vi.stubEnv('TEMPORAL_NAMESPACE', namespace)
    return lookAt('temporal', state())
  }

  test('a namespace that is missing, one without search attributes and workers, and a schedule that is paused', async () => {
    expect(lineOf(await inNamespace('nowhere'), 'reachable')).toMatch(
      /^FAIL there is no namespace nowhere → .*namespace create/,
    )
    const address = process.env['POLYTAPE_TEST_TEMPORAL_ADDRESS'] ?? ''
    const connection = await Connection.connect({ address })
    const namespace = `doctor-${randomBytes(4).toString('hex')}`
    const create = ['operator', 'namespace', 'create', '--namespace', namespace, '--address', address]
    await runCommand(process.env['POLYTAPE_TEST_TEMPORAL_CLI'] ?? '', create, { timeoutMs: 60_000, env: process.env })
    await expect.poll(async () => lineOf(await inNamespace(namespace), 'reachable'), { timeout: 60_000 }).toMatch(/^ok/)
    const bare = await inNamespace(namespace)
    expect(lineOf(bare, 'attributes')).toMatch(
      /^FAIL missing: MarketState, MarketSlug, FeedGroup.* → temporal operator search-attribute create/,
    )
    expect(lineOf(bare, 'task queues')).toMatch(
      /^warn nobody polls control, feed-a, normalizer, archive → start polytape/,
    )
    expect(lineOf(bare, 'schedules')).toMatch(/^warn missing: refreshCatalog, .* → start the role control/)
    const client = new Client({ connection, namespace })
    await deploySchedules(client)
    await client.schedule.getHandle('archivePartitions').pause('the disk was full')
    expect(lineOf(await inNamespace(namespace), 'schedules')).toMatch(
      /^warn paused: archivePartitions \(the disk was full\) → .*toggle --unpause/,
    )
    await connection.close()
  })
})

describe('the archive', () => {
  test('a folder is written, read, listed and left as it was; one that cannot be written is told', async () => {
    const home = folder.state.path('archive-of-the-test')
    expect(
      illIn(await lookAt('archive', { ...state(), ARCHIVE_URL: `file://${home}` })).filter(
        (line) => !line.startsWith('room'),
      ),
    ).toEqual([])
    expect(readdirSync(home)).toEqual([])
    const file = folder.state.path('a-file')
    writeFileSync(file, '')
    const findings = await lookAt('archive', { ...state(), ARCHIVE_URL: `file://${file}/below` })
    expect(lineOf(findings, 'write')).toMatch(/^FAIL .* → correct ARCHIVE_URL/)
  })

  test.skipIf(noS3)(
    'a bucket that is missing and a key that does not fit are told; a good one is left empty',
    async () => {
      await using s3 = await openS3()
      const look = (url: string) => lookAt('archive', { ...process.env, ...state(), ARCHIVE_URL: url })
      expect(illIn(await look(s3.url('tapes')))).toEqual([])
      expect(
        readdirSync(s3.folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()),
      ).toEqual([])
      expect(lineOf(await look(s3.url('tapes').replace('//archive/', '//nowhere/')), 'write')).toMatch(
        /^FAIL .*make the bucket/,
      )
      const secret = process.env['AWS_SECRET_ACCESS_KEY']
      process.env['AWS_SECRET_ACCESS_KEY'] = 'guessed-wrongly'
      expect(lineOf(await look(s3.url('tapes')), 'write')).toMatch(/^FAIL .*AWS_SECRET_ACCESS_KEY/)
      process.env['AWS_SECRET_ACCESS_KEY'] = secret
      expect(allPrinted()).not.toContain(secret)
    },
  )
})

describe('the venue', () => {
  test('one that answers is well, by every way', async () => {
    expect(illIn(await lookAt('venue', withVenue()))).toEqual([])
  })

  test('a clock that is an hour off is told, and a Gamma that fails hides neither CLOB nor websocket', async () => {
    const date = new Date(Date.now() - 3_600_000).toUTCString()
    const server = createServer((_, response) => response.writeHead(200, { date }).end('{"markets":[]}'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const gamma = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const findings = await lookAt('venue', withVenue({ POLYMARKET_GAMMA_URL: gamma, POLYMARKET_CLOB_URL: gamma }))
    expect(lineOf(findings, 'clock')).toMatch(/^FAIL the venue's clock is 3\d{6} ms behind ours.* → set the clock/)
    expect(lineOf(findings, 'Gamma')).toMatch(/^FAIL Gamma lists no market/)
    expect(lineOf(findings, 'websocket')).toMatch(/^warn .*opened/)
    expect(lineOf(findings, 'Data API')).toMatch(/^ok/)
    server.close()
  })
})
