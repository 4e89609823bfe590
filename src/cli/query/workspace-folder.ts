import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasEnded, PROCESS_NAME } from '../../lib/process-name.ts'

const PREFIX = 'polytape-query-'

const isAbandoned = (name: string): boolean =>
  name.startsWith(PREFIX) && name.split('~').length > 3 && hasEnded(name.slice(PREFIX.length))

/** What killed processes left, which may be gigabytes. */
const removeAbandoned = async (): Promise<void> => {
  for (const name of (await readdir(tmpdir())).filter(isAbandoned)) {
    // That of another user cannot be removed, and keeps nobody from a query.
    await rm(join(tmpdir(), name), { recursive: true, force: true }).catch(() => undefined)
  }
}

/** A folder in TMPDIR under the name of this process: once that is gone, the next one removes it. */
export const makeWorkspaceFolder = async (): Promise<string> => {
  await removeAbandoned()
  return await mkdtemp(join(tmpdir(), `${PREFIX}${PROCESS_NAME}~`))
}
