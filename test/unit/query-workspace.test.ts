import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openWorkspace } from '../../src/cli/query/workspace.ts'

const LONGEST_PATH = 4_095
const HOST = encodeURIComponent(hostname())

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'polytape-workspace-'))
  vi.stubEnv('TMPDIR', folder)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

const open = () => openWorkspace({ objectFolders: [] })

const leave = (name: string): string => {
  mkdirSync(join(folder, name))
  writeFileSync(join(folder, name, 'query.duckdb'), 'rows')
  return name
}

describe('the folder of a query', () => {
  it('is removed by the next query where its process was killed, and no other is', async () => {
    const { pid } = spawnSync(process.execPath, ['--version'])
    leave(`polytape-query-${HOST}~${pid}~1~abcdef`)
    leave(`polytape-query-${HOST}~${process.pid}~1~abcdef`)
    const kept = [
      leave(`polytape-query-${HOST}~${process.ppid}~1~abcdef`),
      leave(`polytape-query-elsewhere~${pid}~1~abcdef`),
      leave(`polytape-query-${pid}`),
      leave(`other-${HOST}~${pid}~1~abcdef`),
    ]
    await using first = await open()
    await using second = await open()
    const opened = [first, second].map((workspace) => basename(workspace.folder))
    expect(readdirSync(folder).toSorted()).toEqual([...kept, ...opened].toSorted())
  })

  it('is gone when the query has ended', async () => {
    await (await open())[Symbol.asyncDispose]()
    expect(readdirSync(folder)).toEqual([])
  })

  it('is gone where no database can be opened in it', async () => {
    const workspace = await open()
    const nameLength = basename(workspace.folder).length
    await workspace[Symbol.asyncDispose]()
    // Room for the folder's name, and none for that of a file in it.
    const roomBytes = LONGEST_PATH - '/'.length - nameLength - '/'.length
    let deep = folder
    for (let left = roomBytes - deep.length; left > 1; left = roomBytes - deep.length) {
      deep = join(deep, 'x'.repeat(Math.min(200, left - '/'.length)))
    }
    mkdirSync(deep, { recursive: true })
    vi.stubEnv('TMPDIR', deep)
    await expect(open()).rejects.toThrow(/query\.duckdb/)
    expect(readdirSync(deep)).toEqual([])
  })
})
