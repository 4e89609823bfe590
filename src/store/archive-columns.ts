import type { Pool } from 'pg'

export type Column = { name: string; type: string }

const COLUMNS = `
select attname::text as name, format_type(atttypid, atttypmod) as type from pg_attribute
where attrelid = $1::regclass and attnum > 0 and not attisdropped`

const textOf = ({ name, type }: Column): string => `${name} ${type}`

/** How the columns of a table are others than expected, in words: an object does not hold what nobody told it of. */
export const columnDifference = async (
  client: Pick<Pool, 'query'>,
  relation: string,
  expected: readonly Column[],
): Promise<string | undefined> => {
  const { rows } = await client.query<Column>(COLUMNS, [relation])
  const [found, wanted] = [new Set(rows.map(textOf)), new Set(expected.map(textOf))]
  const unknown = [...found]
    .filter((text) => !wanted.has(text))
    .map((text) => `${relation} has ${text}, which the archive does not`)
  const missing = [...wanted]
    .filter((text) => !found.has(text))
    .map((text) => `${relation} lacks ${text}, which the archive has`)
  const all = [...unknown, ...missing]
  return all.length === 0 ? undefined : `columns: ${all.join('; ')}`
}
