import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rowChunks, wholeRowsLength } from '../../src/cli/query/row-chunks.ts'

const field = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', '"', '\n', ',', 'ä', '\\'), maxLength: 12 }).map((text) => `"${text.replaceAll('"', '""')}"`),
  fc.constantFrom('', '0.52', 'bid'),
) // prettier-ignore
const row = fc.array(field, { minLength: 1, maxLength: 4 }).map((fields) => `${fields.join(',')}\n`)

const cut = (bytes: Buffer, sizes: number[]): Buffer[] => {
  const parts: Buffer[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1
    parts.push(bytes.subarray(at, at + size))
    at += size
  }
  return parts
}

async function* streamOf(parts: Buffer[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield part
}

describe('rows of CSV that come in pieces', () => {
  it('are cut between rows only, whatever is quoted in them and however they come', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 40 }), sizes, async (rows, partSizes) => {
        const bytes = Buffer.from(rows.join(''))
        const ends = new Set(rows.map((_, index) => Buffer.byteLength(rows.slice(0, index + 1).join(''))))
        const chunks: Buffer[] = []
        let end = 0
        for await (const chunk of rowChunks(streamOf(cut(bytes, partSizes)), 500)) {
          chunks.push(Buffer.from(chunk))
          end += chunk.length
          expect(ends).toContain(end)
        }
        expect(Buffer.concat(chunks).toString()).toBe(bytes.toString())
      }),
    )
  })

  it('that are longer than a chunk are an error and not half a row', async () => {
    const long = Buffer.from(`"${'\n'.repeat(100)}"\n`)
    const read = async (): Promise<number> => {
      let count = 0
      for await (const chunk of rowChunks(streamOf(cut(long, [10])), 50)) count += chunk.length
      return count
    }
    await expect(read()).rejects.toThrow('expected rows of less than 50 bytes')
    expect(wholeRowsLength(Buffer.from('"\n'))).toBe(0)
  })
})
