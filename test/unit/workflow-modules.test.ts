import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { z } from 'zod'

const folder = new URL('../../src/workflows/', import.meta.url)
const modules = readdirSync(folder).filter((file) => file.endsWith('.ts'))

const schemasOf = async (file: string): Promise<string[]> => {
  const exported: Record<string, unknown> = await import(new URL(file, folder).href)
  return Object.keys(exported).filter((name) => exported[name] instanceof z.ZodType)
}

test.each(modules)(
  '%s exports no schema: a worker freezes what is exported, and zod writes into its schemas',
  async (file) => {
    expect(await schemasOf(file)).toEqual([])
  },
)
