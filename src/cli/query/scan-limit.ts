import { sizeText } from './size.ts'

/** What reading a table takes: whole objects of the archive, and rows of Postgres as it expects them. */
export type ScanPlan = { table: string; hotRows: number; hotBytes: number; objects: number; objectBytes: number }

const ADVICE = 'narrow a query by --market, --from and --to, or allow more by --max-bytes 10GB, or any by --force'

const planText = ({ table, hotRows, hotBytes, objects, objectBytes }: ScanPlan): string =>
  `  ${table}: about ${hotRows} rows (${sizeText(hotBytes)}) of Postgres, ${objects} objects (${sizeText(objectBytes)}) of the archive`

export class ScanTooLarge extends Error {}

/** @throws ScanTooLarge, before anything is read. */
export const refuseLargeScan = (plans: ScanPlan[], maxBytes: number): void => {
  const bytes = plans.reduce((sum, plan) => sum + plan.hotBytes + plan.objectBytes, 0)
  if (bytes <= maxBytes) return
  throw new ScanTooLarge(
    `expected to read at most ${sizeText(maxBytes)}, this would read about ${sizeText(bytes)}:\n` +
      `${plans.map(planText).join('\n')}\n${ADVICE}`,
  )
}

/** Counts what is read, since statistics may be wrong. */
export const createScanMeter = (maxBytes: number, objectBytes: number) => {
  let bytes = objectBytes
  return {
    /** @throws ScanTooLarge where it is more than was allowed. */
    add: (count: number): void => {
      bytes += count
      if (bytes <= maxBytes) return
      throw new ScanTooLarge(`expected to read at most ${sizeText(maxBytes)}, found more in Postgres\n${ADVICE}`)
    },
  }
}
