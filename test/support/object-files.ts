import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type LocalFile = { path: string; content: Buffer; sha256: string }

export type FileFolder = Disposable & {
  path: (name: string) => string
  /** A file of random bytes, or of these. */
  file: (name: string, content: number | Buffer) => LocalFile
}

export const sha256Of = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex')

/** A folder of its own for files that go to a store and come from it. */
export const openFileFolder = (): FileFolder => {
  const folder = mkdtempSync(join(tmpdir(), 'polytape-objects-'))
  const path = (name: string): string => join(folder, name)
  return {
    path,
    file: (name, given) => {
      const content = typeof given === 'number' ? randomBytes(given) : given
      writeFileSync(path(name), content)
      return { path: path(name), content, sha256: sha256Of(content) }
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
