import { parseArgs } from 'node:util'
import { measureArchive } from './scenarios/archive.ts'
import { timedTable } from './support/table.ts'

/**
 * How fast a day goes from Postgres to its proved object, stage by stage, and what it takes: rows as live recording makes them (dense
 * sequences, both clocks in milliseconds, a quarter of the changes removals), busy and quiet markets as 1 : 1,000,000.
 */
const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000000' },
    markets: { type: 'string', default: '200' },
    'memory-mb': { type: 'string', default: '150' },
    /** Where the object goes: default a folder. S3 as ARCHIVE_URL has it. */
    url: { type: 'string' },
  },
})
const [rows, markets, memoryMb] = [Number(values.rows), Number(values.markets), Number(values['memory-mb'])]

await timedTable('archive', `${values.rows} rows of ${values.markets} markets`, () =>
  measureArchive({ rows, markets, memoryMb, url: values.url }, console.log),
)
