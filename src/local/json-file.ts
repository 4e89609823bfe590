import { randomBytes } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { z } from 'zod'

/** Undefined where the file is missing, half-written or of another shape: state files are only hints. */
export const readJsonFile = <T>(path: string, schema: z.ZodType<T>): T | undefined => {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return undefined
  }
}

/** Readers see the old content or the new one, never a part; mode 0600, since addresses hold passwords. */
export const writeJsonFile = (path: string, content: unknown): void => {
  const draft = `${path}.${process.pid}.${randomBytes(3).toString('hex')}`
  writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 })
  renameSync(draft, path)
}
