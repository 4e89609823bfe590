import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, rm, rmdir, statfs, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { StoreError, type ObjectStore } from '../../archive/store/object-store.ts'
import { openObjectStore } from '../../archive/store/open.ts'
import { parseStoreUrl } from '../../archive/store/store-url.ts'
import { within } from '../../lib/every.ts'
import { reasonOf } from '../../workers/until-reachable.ts'
import { examine, fail, ok, warn, type Finding, type Verdict } from './finding.ts'
import { megabytes } from './numbers.ts'
import type { Patient } from './probe.ts'

const AREA = 'archive'
const STEP_LIMIT_MS = 8_000
const FOLDER = 'doctor'

type Step = { what: string; look: () => Promise<Verdict> }

/** What `StoreError` says names the remedy already, where the store told enough for one. */
const toVerdict = (error: unknown): Verdict => {
  const fault = error instanceof StoreError ? error.fault : undefined
  const remedies: Record<string, string> = {
    denied: 'give the credentials the rights that RUNBOOK.md lists for the bucket, and set the clock of this machine',
    unreachable: 'see that the store runs, and that its endpoint in ARCHIVE_URL is right',
    full: 'make room',
  }
  return fail(
    reasonOf(error),
    remedies[fault ?? ''] ?? 'correct ARCHIVE_URL, or make the bucket or folder that it names',
  )
}

/** One after the other, for each needs the one before; the first that fails is the last that is told. */
const climb = async (steps: Step[]): Promise<Finding[]> => {
  const findings: Finding[] = []
  for (const { what, look } of steps) {
    const late = `no answer within ${STEP_LIMIT_MS / 1_000} s`
    const verdict = await within(look(), STEP_LIMIT_MS, late).catch(toVerdict)
    findings.push({ area: AREA, what, ...verdict })
    if (verdict.level === 'FAIL') break
  }
  return findings
}

const listed = async (store: ObjectStore, key: string): Promise<boolean> => {
  for await (const found of store.list(`${FOLDER}/`)) if (found.key === key) return true
  return false
}

const stepsOf = (store: ObjectStore, draft: string): { steps: Step[]; clear: () => Promise<void> } => {
  const text = `written by polytape doctor at ${new Date().toISOString()}, may be deleted\n`
  const sha256 = createHash('sha256').update(text).digest('hex')
  const key = `${FOLDER}/probe-${randomBytes(6).toString('hex')}.txt`
  const write = async (): Promise<Verdict> => {
    await writeFile(draft, text)
    await store.put(key, draft, { sha256 })
    return ok(`an object was written to ${store.url}`)
  }
  const read = async (): Promise<Verdict> => {
    const got = await store.get(key, draft)
    return got.sha256 === sha256
      ? ok('it reads back as it was written')
      : fail('it reads back as something else', 'use another store')
  }
  const list = async (): Promise<Verdict> =>
    (await listed(store, key))
      ? ok('it is in the list')
      : fail('it is not in the list of the prefix', 'allow s3:ListBucket')
  const remove = async (): Promise<Verdict> => {
    await store.remove(key)
    return (await store.head(key)) === undefined
      ? ok('it is removed')
      : fail(`${key} is still there`, 'allow s3:DeleteObject')
  }
  const steps = [
    { what: 'write', look: write },
    { what: 'read', look: read },
    { what: 'list', look: list },
    { what: 'delete', look: remove },
  ]
  const folder = store.localPath === undefined ? undefined : dirname(store.localPath(key))
  const clear = async (): Promise<void> => {
    await store.remove(key)
    if (folder !== undefined) await rmdir(folder)
  }
  return { steps, clear }
}

/** A day of the whole venue is some GB before it is packed. */
const LEAST_FREE_BYTES = 5_000_000_000

const roomVerdict = async (folder: string): Promise<Verdict> => {
  const { bavail, bsize } = await statfs(folder)
  const found = `${megabytes(bavail * bsize)} free on the disk of ${folder}`
  return bavail * bsize < LEAST_FREE_BYTES ? warn(found, 'make room, or set ARCHIVE_URL to an S3 bucket') : ok(found)
}

export const probeArchive = async ({ places }: Patient): Promise<Finding[]> => {
  const { url } = places.archive
  const home = await mkdtemp(join(tmpdir(), 'polytape-doctor-'))
  await using store = openObjectStore(url)
  const { steps, clear } = stepsOf(store, join(home, 'probe.txt'))
  try {
    const findings = await climb(steps)
    const place = parseStoreUrl(url)
    if (place.type !== 'file' || findings.some(({ level }) => level === 'FAIL')) return findings
    const room = { what: 'room', look: () => roomVerdict(place.folder), remedy: 'look at the disk' }
    return [...findings, ...(await examine(AREA, [room]))]
  } finally {
    await within(clear(), STEP_LIMIT_MS, 'late').catch(() => undefined)
    await rm(home, { recursive: true, force: true })
  }
}
