import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { download } from '../../src/archive/download.ts'
import { openRangeServer, type RangeServer } from '../support/range-server.ts'

const BYTES = 100_000
const HALF = BYTES / 2

let folder: string
let path: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'polytape-download-'))
  path = join(folder, 'source.parquet')
})
afterEach(() => rm(folder, { recursive: true }))

const ended = new AbortController()
const get = ({ url }: Pick<RangeServer, 'url'>) => download({ url, path }, () => undefined, ended.signal)

const left = async () => (await readdir(folder)).filter((name) => name.endsWith('.part'))

const partBytes = async (): Promise<number> => {
  const [part] = await left()
  return part === undefined ? 0 : (await stat(join(folder, part))).size
}

/** Stands still once so many bytes have come. `end` aborts it. */
const begin = async ({ url }: RangeServer, bytes: number) => {
  const aborted = new AbortController()
  let reached = (): void => undefined
  const there = new Promise<void>((resolve) => (reached = resolve))
  const done = download({ url, path }, (doneBytes) => doneBytes >= bytes && reached(), aborted.signal)
  const failed = done.then(
    () => undefined,
    (error: unknown) => error,
  )
  await there
  await vi.waitUntil(async () => (await partBytes()) >= bytes, { timeout: 60_000 })
  const end = async (): Promise<void> => {
    aborted.abort(new Error('cut'))
    expect(await failed).toMatchObject({ message: 'cut' })
  }
  return { end }
}

test('what was cut goes on where it ended, as the file that it was', async () => {
  const content = randomBytes(BYTES)
  await using server = await openRangeServer(content)
  await (await begin(server, HALF)).end()
  await get(server)
  expect(await readFile(path)).toEqual(content)
  expect(server.asked).toEqual(['', `bytes=${HALF}-`])
  await get(server)
  expect(server.asked).toHaveLength(2)
})

test('of a file that was replaced in between nothing is kept', async () => {
  await using server = await openRangeServer(randomBytes(BYTES))
  await (await begin(server, HALF)).end()
  const content = randomBytes(BYTES + 10_000)
  server.replace(content)
  await get(server)
  expect(await readFile(path)).toEqual(content)
  expect(await left()).toEqual([])
})

test.each([BYTES + 10_000, HALF - 10_000])(
  'the rest of another file, of %i bytes, is not taken for its own',
  async (bytes) => {
    await using server = await openRangeServer(randomBytes(BYTES), { isCareless: true })
    await (await begin(server, HALF)).end()
    const content = randomBytes(bytes)
    server.replace(content)
    await expect(get(server)).rejects.toMatchObject({
      retryable: true,
      message: expect.stringContaining('begins anew'),
    })
    await get(server)
    expect(await readFile(path)).toEqual(content)
  },
)

test('a part that is whole is the file, without being asked for again', async () => {
  const content = randomBytes(BYTES)
  await using server = await openRangeServer(content, { stopAfterBytes: BYTES - 1 })
  await (await begin(server, BYTES - 1)).end()
  const [part = ''] = await left()
  const whole = join(folder, part)
  await writeFile(whole, content)
  await get(server)
  expect(await readFile(path)).toEqual(content)
  expect(server.asked).toEqual(['', `bytes=${BYTES}-`])
})

test('two attempts at once, of which one is thought dead, give the file', async () => {
  const content = randomBytes(BYTES)
  await using server = await openRangeServer(content)
  const first = await begin(server, HALF)
  await get(server)
  await first.end()
  expect(await readFile(path)).toEqual(content)
})

test('of a server that tells no version nothing is mixed, and nothing left behind', async () => {
  const content = randomBytes(BYTES)
  await using server = await openRangeServer(content, { isUnversioned: true })
  await (await begin(server, HALF)).end()
  expect(await left()).toEqual([])
  await get(server)
  expect(server.asked).toEqual(['', ''])
  expect(await readFile(path)).toEqual(content)
})

test('an error says where it was asked, without the query', async () => {
  await expect(get({ url: 'http://127.0.0.1:1/h.parquet?key=secret' })).rejects.toSatisfy(
    (error: Error) => error.message.includes('127.0.0.1:1') && !error.message.includes('secret'),
  )
})
