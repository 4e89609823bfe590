import { closeSync, copyFileSync, openSync, readSync, statSync, truncateSync } from 'node:fs'

const LOG_LIMIT_BYTES = 8 * 1024 * 1024

const sizeOf = (path: string): number => {
  try {
    return statSync(path).size
  } catch {
    return 0
  }
}

/**
 * Children write straight to the file (appending), so that they outlive this process; the file is therefore bounded by
 * copying it to `.1` and cutting it, which loses at most the lines written between the two.
 */
export const rotateLog = (path: string, limitBytes = LOG_LIMIT_BYTES): void => {
  if (sizeOf(path) <= limitBytes) return
  copyFileSync(path, `${path}.1`)
  truncateSync(path, 0)
}

/** The last lines of a file, for messages. */
export const tailOf = (path: string, lines: number): string => {
  const size = sizeOf(path)
  if (size === 0) return ''
  const buffer = Buffer.alloc(Math.min(size, 4096))
  const file = openSync(path, 'r')
  try {
    readSync(file, buffer, 0, buffer.length, size - buffer.length)
  } finally {
    closeSync(file)
  }
  return buffer.toString('utf8').trimEnd().split('\n').slice(-lines).join('\n')
}
