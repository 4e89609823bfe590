import { MockActivityEnvironment } from '@temporalio/testing'
import { createImportPmxtActivities, type ImportedSlice, type PmxtImport } from '../../src/activities/import-pmxt.ts'
import type { Staged } from '../../src/archive/pmxt-stage.ts'
import type { ImportStores } from '../../src/store/imports.ts'
import { createLog } from '../../src/lib/log.ts'
import { createStats } from '../../src/lib/stats.ts'

export type Imported = { staged: Staged; markets: number; read: number; refused: number; written: number }

/** What the workflow does, without a server: the file is staged and all its markets are imported. */
export const runPmxt = async (stores: ImportStores, folder: string, given: PmxtImport): Promise<Imported> => {
  const activities = createImportPmxtActivities({
    ...stores,
    folder,
    log: createLog('control', 'silent'),
    stats: createStats(),
  })
  const environment = (): MockActivityEnvironment => new MockActivityEnvironment()
  const staged: Staged = await environment().run(activities.stagePmxt, given)
  const total = { markets: 0, read: 0, refused: 0, written: 0 }
  let after: string | undefined = ''
  while (after !== undefined) {
    const slice: ImportedSlice = await environment().run(activities.importPmxtSlice, { ...given, after })
    total.markets += slice.markets
    total.read += slice.read
    total.refused += slice.refused
    total.written = slice.written
    after = slice.after
  }
  await environment().run(activities.forgetPmxt, given)
  return { staged, ...total }
}
