const QUOTE = 0x22
const NEWLINE = 0x0a

const countQuotes = (bytes: Buffer, to: number): number => {
  let count = 0
  for (let at = bytes.indexOf(QUOTE); at >= 0 && at < to; at = bytes.indexOf(QUOTE, at + 1)) count += 1
  return count
}

/** Length of what ends with the last whole row of CSV, which begins outside quotes; 0 where there is none. */
export const wholeRowsLength = (bytes: Buffer): number => {
  let end = bytes.lastIndexOf(NEWLINE) + 1
  // A line break within quotes has an odd number of them before it.
  while (end > 0 && countQuotes(bytes, end) % 2 === 1) end = end < 2 ? 0 : bytes.lastIndexOf(NEWLINE, end - 2) + 1
  return end
}

/**
 * CSV in pieces of about `chunkBytes` that end with a row each.
 *
 * @throws Error where one row alone is longer than a chunk.
 */
export async function* rowChunks(source: AsyncIterable<Buffer>, chunkBytes: number): AsyncGenerator<Buffer> {
  let parts: Buffer[] = []
  let length = 0
  for await (const part of source) {
    parts.push(part)
    length += part.length
    if (length < chunkBytes) continue
    const bytes = Buffer.concat(parts)
    const end = wholeRowsLength(bytes)
    if (end === 0) throw new Error(`expected rows of less than ${chunkBytes} bytes, got a longer one`)
    yield bytes.subarray(0, end)
    parts = [bytes.subarray(end)]
    length -= end
  }
  if (length > 0) yield Buffer.concat(parts)
}
