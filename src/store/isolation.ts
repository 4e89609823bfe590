import type { ClientBase } from 'pg'

/** Bisection of one batch: how many more statements may be tried. */
export type Isolation = { triesLeft: number }

/** Items that were refused together, with Postgres's words: one, or more where the tries were used up. */
export type Refused<T> = { items: T[]; message: string }

/**
 * SQLSTATE classes of errors that lie in the rows: cardinality, bad values, violated constraints, values too long to be
 * indexed. Trying the same rows again would fail for ever.
 */
const DATA_STATES = /^(21|22|23|54)/

export const isDataError = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && DATA_STATES.test(error.code)

/**
 * Runs `write` within a savepoint.
 *
 * @returns Postgres's message where the rows were refused and nothing was written, else undefined.
 */
export const tryWrite = async (client: ClientBase, write: () => Promise<void>): Promise<string | undefined> => {
  await client.query('savepoint isolated')
  try {
    await write()
    await client.query('release savepoint isolated')
    return undefined
  } catch (error) {
    if (!isDataError(error)) throw error
    await client.query('rollback to savepoint isolated')
    await client.query('release savepoint isolated')
    return error.message
  }
}

/**
 * Writes all items but those that Postgres refuses, which are found by halving: about 2 log2(n) tries for one bad row of
 * n. Where the tries are used up, halves are refused whole: the work is bounded, and nothing is lost unnoticed.
 */
export const writeHalving = async <T>(
  client: ClientBase,
  items: T[],
  write: (client: ClientBase, items: T[]) => Promise<void>,
  isolation: Isolation,
): Promise<Refused<T>[]> => {
  if (items.length === 0) return []
  isolation.triesLeft -= 1
  const message = await tryWrite(client, () => write(client, items))
  if (message === undefined) return []
  if (items.length === 1 || isolation.triesLeft <= 0) return [{ items, message }]
  const middle = Math.ceil(items.length / 2)
  return [
    ...(await writeHalving(client, items.slice(0, middle), write, isolation)),
    ...(await writeHalving(client, items.slice(middle), write, isolation)),
  ]
}

/** Of a group whose rows are all bad, so many tries are enough to say so. */
const MOST_TRIES_A_GROUP = 32

/**
 * As `writeHalving`, but first by group and then by row: a group whose rows are all refused uses up its own tries, and
 * its neighbours lose nothing.
 */
export const writeHalvingGroups = async <T>(
  client: ClientBase,
  groups: T[][],
  write: (client: ClientBase, items: T[]) => Promise<void>,
  isolation: Isolation,
): Promise<Refused<T>[]> => {
  // At most two tries a group.
  const byGroup = { triesLeft: Infinity }
  const bad = await writeHalving(client, groups, (_, some) => write(client, some.flat()), byGroup)
  const refused: Refused<T>[] = []
  for (const items of bad.flatMap((one) => one.items)) {
    const given = Math.max(0, Math.min(MOST_TRIES_A_GROUP, isolation.triesLeft))
    const tries = { triesLeft: given }
    refused.push(...(await writeHalving(client, items, write, tries)))
    isolation.triesLeft -= given - tries.triesLeft
  }
  return refused
}
