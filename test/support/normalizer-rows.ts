/** One line of COPY text for `order_books`, read back. */
export type Row = {
  id: number
  sequence: number
  capturedTimeMs: number
  price: string
  size: string
  outcomeId: string
  side: 'bid' | 'ask'
  kind: 'snapshot' | 'change' | 'gap'
}

export const parseLine = (line: string): Row => {
  const [id, captured, , , price, size, , outcomeId, side, kind] = line.trimEnd().split('\t')
  return {
    id: Number(id),
    sequence: Math.floor(Number(id) / 65_536),
    capturedTimeMs: Date.parse(captured ?? ''),
    price: price ?? '',
    size: size ?? '',
    outcomeId: outcomeId ?? '',
    side: side as Row['side'],
    kind: kind as Row['kind'],
  }
}

/** Levels as `side price` -> size, by value; undefined while a reader of the history must call the book unknown. */
export type KnownBook = Map<string, string> | undefined

const plain = (decimal: string): string => String(Number(decimal))
export const levelKey = (side: string, price: string): string => `${side} ${plain(price)}`

/** What a reader who has nothing but the rows of one outcome knows of its book. */
export const bookOfRows = (rows: Row[]): KnownBook => {
  let book: KnownBook
  let snapshotSequence = -1
  for (const row of rows) {
    if (row.kind === 'gap') book = undefined
    else if (row.kind === 'snapshot' && row.sequence !== snapshotSequence) book = new Map()
    if (row.kind === 'snapshot') snapshotSequence = row.sequence
    if (row.kind === 'gap' || book === undefined) continue
    if (Number(row.size) === 0) book.delete(levelKey(row.side, row.price))
    else book.set(levelKey(row.side, row.price), plain(row.size))
  }
  return book
}

export const ofOutcome = (rows: Row[], outcomeId: string): Row[] => rows.filter((row) => row.outcomeId === outcomeId)

/** Sequences in order of their first row. */
export const sequencesOf = (rows: Row[]): number[] => [...new Set(rows.map((row) => row.sequence))]
