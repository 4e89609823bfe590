import type { ArchiveStep } from '../activities/archive.ts'

/** `detail`: why it failed. */
export type ArchiveDone = ArchiveStep & { detail: string | undefined }

const SHOWN = 40
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')

const VERBS = { write: 'archived and proved', drop: 'dropped in Postgres' } as const

const row = ({ type, table, day, part, detail }: ArchiveDone): string =>
  `| ${table} | ${day} | ${part} | ${detail === undefined ? VERBS[type] : `**failed**: ${cell(detail)}`} |`

/** Markdown for the Temporal UI: the newest steps first. */
export const archiveDetails = ({
  at,
  done,
  now,
}: {
  at: string
  done: ArchiveDone[]
  now: ArchiveStep | undefined
}): string => {
  const present =
    now === undefined ? 'nothing is left to do' : `at **${now.type}** of ${now.table}, ${now.day}, part ${now.part}`
  const rows = done.toReversed().slice(0, SHOWN).map(row)
  const head = `For ${at}: ${done.length} steps done, ${present}.`
  return [head, '', '| table | day | part | |', '|---|---|---|---|', ...rows].join('\n')
}
