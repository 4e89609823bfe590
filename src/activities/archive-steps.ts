import { rm } from 'node:fs/promises'
import { postgresTotals } from '../archive/checksum.ts'
import { duckdbVersion } from '../archive/duckdb.ts'
import type { Manifest } from '../archive/manifest.ts'
import { postgresColumns } from '../archive/tables.ts'
import { deleteProved, dropProved } from '../store/archive-drops.ts'
import { forgetProof } from '../store/archive-objects.ts'
import { readDropped, recordProof, rowSource, type PartName, type Proof } from '../store/archives.ts'
import type { ArchiveDeps } from './archive-deps.ts'
import { exclusively, manifestOf, tableOf } from './archive-parts.ts'
import { compareObject, recheckObject } from './archive-prove.ts'
import type { Written } from './archive-read-back.ts'
import { removeReplaced } from './archive-replaced.ts'
import { folderOf, writeObject } from './archive-write.ts'

/** Of the object and of the checksum: whoever changes either raises it. */
const FORMAT = '1'

/** `sealedAt`: seal of the rows. `isAnew`: what an earlier try left is not to be trusted. */
export type Write = { name: PartName; sealedAt: string | null; isAnew: boolean }
export type Prove = { name: PartName; written: Written; sealedAt: string | null }
/** `detail`: what differs, in words. */
export type Verdict = { type: 'done' } | { type: 'differs'; detail: string }
/** `forgotten`: the object is not what was proved, the rows are in Postgres, and the part is to be written and proved anew. */
export type DropVerdict = Verdict | { type: 'forgotten'; detail: string }

/** Rows to object. Of a part that was dropped meanwhile it answers the object that there is. */
export const writePart = (deps: ArchiveDeps, { name, sealedAt, isAnew }: Write): Promise<Written> =>
  exclusively(deps, name, async (turn, signal) => {
    const dropped = await readDropped(deps.pool, name)
    if (dropped !== undefined) return dropped
    if (isAnew) await rm(folderOf(deps.folder, name), { recursive: true, force: true })
    const written = await writeObject(
      { ...deps, ...turn, table: tableOf(name.table), name },
      sealedAt ?? 'later',
      signal,
    )
    deps.stats.count('archiveBytes:written', written.bytes)
    return written
  })

const versionsOf = async ({ pool }: ArchiveDeps): Promise<Proof['versions']> => {
  const { rows } = await pool.query<{ version: string }>(`select current_setting('server_version') as version`)
  return { format: FORMAT, duckdb: duckdbVersion(), postgres: rows[0]?.version ?? '' }
}

/** Reads the object back, compares it with Postgres and writes the manifest where they are equal. */
export const provePart = (deps: ArchiveDeps, { name, written, sealedAt }: Prove): Promise<Verdict> =>
  exclusively(deps, name, async ({ show, check }, signal) => {
    const { pool, folder, log, stats } = deps
    if ((await readDropped(pool, name)) !== undefined) return { type: 'done' }
    const compared = await compareObject({ ...deps, table: tableOf(name.table), name, show }, written, signal)
    if (compared.type === 'differs') return compared
    const { totals } = compared
    const source = await rowSource(pool, name, tableOf(name.table))
    const proof = { ...written, totals, versions: await versionsOf(deps), sealedAt, source }
    await check()
    const detail = await recordProof(pool, name, proof)
    if (detail !== undefined) return { type: 'differs', detail }
    await removeReplaced(deps, name, check)
    await rm(folderOf(folder, name), { recursive: true, force: true })
    stats.count('archivedRows', Number(totals.rows))
    stats.count('archiveBytes:proved', written.bytes)
    log.info({ ...name, ...written, rows: totals.rows }, 'a part was archived and proved')
    return { type: 'done' }
  })

/** Answers in words why they stay. */
const dropRows = async ({ pool }: ArchiveDeps, name: PartName, manifest: Manifest): Promise<string | undefined> => {
  const { sha256, rows, checksum } = manifest
  const table = tableOf(name.table)
  const proved = { source: await rowSource(pool, name, table), columns: postgresColumns(table, name.part), sha256 }
  if (name.part === 0) return dropProved(pool, name, proved)
  return deleteProved(pool, name, { ...proved, totals: postgresTotals(table), rows: String(rows), checksum })
}

const doubt = async ({ pool, log }: ArchiveDeps, manifest: Manifest, detail: string): Promise<DropVerdict> => {
  if (!(await forgetProof(pool, manifest))) return { type: 'differs', detail }
  log.warn({ key: manifest.key, detail }, 'an object is not what was proved: it is written anew from Postgres')
  return { type: 'forgotten', detail }
}

/** Reads the object once more; only where it is what was proved are the rows dropped in Postgres. */
export const dropPart = (deps: ArchiveDeps, name: PartName): Promise<DropVerdict> =>
  exclusively(deps, name, async ({ show, check }, signal) => {
    const manifest = await manifestOf(deps, name)
    if (manifest.isDropped) return { type: 'done' }
    const changed = await recheckObject({ ...deps, name, show }, manifest, signal)
    await check()
    if (changed !== undefined) return doubt(deps, manifest, changed)
    const detail = await dropRows(deps, name, manifest)
    if (detail !== undefined) return { type: 'differs', detail }
    await rm(folderOf(deps.folder, name), { recursive: true, force: true })
    deps.stats.count('archiveRows:dropped', manifest.rows)
    deps.stats.count('archiveBytes:dropped', manifest.bytes)
    deps.log.info({ ...name, rows: manifest.rows }, 'a part was dropped in Postgres: it is in the archive')
    return { type: 'done' }
  })
