import { rm } from 'node:fs/promises'
import { postgresTotals } from '../archive/checksum.ts'
import { duckdbVersion } from '../archive/duckdb.ts'
import type { Manifest } from '../archive/manifest.ts'
import {
  deleteProved,
  dropProved,
  readDropped,
  recordProof,
  rowSource,
  type PartName,
  type Proof,
} from '../store/archives.ts'
import type { ArchiveDeps } from './archive-deps.ts'
import { exclusively, manifestOf, tableOf } from './archive-parts.ts'
import { compareObject, recheckObject, type Written } from './archive-prove.ts'
import { folderOf, writeObject } from './archive-write.ts'

/** Of the object and of the checksum: whoever changes either raises it. */
const FORMAT = '1'

/** `sealedAt`: seal of the rows. `isAnew`: what an earlier try left is not to be trusted. */
export type Write = { name: PartName; sealedAt: string | null; isAnew: boolean }
export type Prove = { name: PartName; written: Written; sealedAt: string | null }
/** `detail`: what differs, in words. */
export type Verdict = { type: 'done' } | { type: 'differs'; detail: string }

/** Rows to object. Of a part that was dropped meanwhile it answers the object that there is. */
export const writePart = (deps: ArchiveDeps, { name, sealedAt, isAnew }: Write): Promise<Written> =>
  exclusively(deps, name, async (show, signal) => {
    const dropped = await readDropped(deps.pool, name)
    if (dropped !== undefined) return dropped
    if (isAnew) await rm(folderOf(deps.folder, name), { recursive: true, force: true })
    return writeObject({ ...deps, table: tableOf(name.table), name, show }, sealedAt ?? 'later', signal)
  })

const versionsOf = async ({ pool }: ArchiveDeps): Promise<Proof['versions']> => {
  const { rows } = await pool.query<{ version: string }>(`select current_setting('server_version') as version`)
  return { format: FORMAT, duckdb: duckdbVersion(), postgres: rows[0]?.version ?? '' }
}

/** Reads the object back, compares it with Postgres and writes the manifest where they are equal. */
export const provePart = (deps: ArchiveDeps, { name, written, sealedAt }: Prove): Promise<Verdict> =>
  exclusively(deps, name, async (show, signal) => {
    const { pool, store, folder, log, stats } = deps
    if ((await readDropped(pool, name)) !== undefined) return { type: 'done' }
    const compared = await compareObject({ ...deps, table: tableOf(name.table), name, show }, written, signal)
    if (compared.type === 'differs') return compared
    const { totals } = compared
    const proof = { ...written, totals, versions: await versionsOf(deps), sealedAt }
    const replaced = await recordProof(pool, name, proof)
    if (replaced === undefined) return { type: 'differs', detail: 'the day was unsealed or dropped meanwhile' }
    for (const key of replaced) await store.remove(key)
    await rm(folderOf(folder, name), { recursive: true, force: true })
    stats.count('archivedRows', Number(totals.rows))
    log.info({ ...name, ...written, rows: totals.rows }, 'a part was archived and proved')
    return { type: 'done' }
  })

const dropRows = async ({ pool }: ArchiveDeps, name: PartName, manifest: Manifest): Promise<boolean> => {
  const { sha256, rows, checksum } = manifest
  if (name.part === 0) return dropProved(pool, name, sha256)
  const table = tableOf(name.table)
  const source = await rowSource(pool, name, table)
  return deleteProved(pool, name, { source, totals: postgresTotals(table), sha256, rows: String(rows), checksum })
}

/** Reads the object once more; only where it is what was proved are the rows dropped in Postgres. */
export const dropPart = (deps: ArchiveDeps, name: PartName): Promise<Verdict> =>
  exclusively(deps, name, async (show, signal) => {
    const manifest = await manifestOf(deps, name)
    if (manifest.isDropped) return { type: 'done' }
    const detail = await recheckObject({ ...deps, name, show }, manifest, signal)
    if (detail !== undefined) return { type: 'differs', detail }
    if (!(await dropRows(deps, name, manifest))) return { type: 'differs', detail: 'its rows changed since the proof' }
    await rm(folderOf(deps.folder, name), { recursive: true, force: true })
    deps.log.info({ ...name, rows: manifest.rows }, 'a part was dropped in Postgres: it is in the archive')
    return { type: 'done' }
  })
