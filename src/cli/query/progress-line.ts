import { barText } from '../polytape/number-text.ts'
import type { Progress, ReadFacts } from './open-query.ts'
import { sizeText } from './size.ts'

const BAR_CELLS = 24
const EVERY_MS = 100

const bar = (share: number): string => barText(Math.min(1, share), BAR_CELLS).padEnd(BAR_CELLS, '·')

/** One line: what is read of how much. What is expected of Postgres is its own estimate. */
export const progressText = ({ read, expected }: Progress): string => {
  if (read.objects > 0) {
    const share = read.objectBytes / Math.max(1, expected.objectBytes)
    const sizes = `${sizeText(read.objectBytes)} of ${sizeText(expected.objectBytes)}`
    return `archive   ${bar(share)} ${read.objects} of ${expected.objects} objects, ${sizes}`
  }
  const share = read.hotBytes / Math.max(1, expected.hotBytes)
  return `Postgres  ${bar(share)} ${sizeText(read.hotBytes)} of about ${sizeText(expected.hotBytes)}`
}

export const writingText = (percent: number): string => `answer    ${bar(percent / 100)} ${Math.floor(percent)} %`

const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`

/** What an answer was made of. */
export const readText = ({ hotRows, hotBytes, objects, objectBytes, rowGroups }: ReadFacts): string => {
  const groups = objects === 0 ? '' : `, ${rowGroups.touched} of ${counted(rowGroups.all, 'row group')}`
  return (
    `read ${counted(hotRows, 'row')} (${sizeText(hotBytes)}) of Postgres and ` +
    `${counted(objects, 'object')} (${sizeText(objectBytes)}${groups}) of the archive`
  )
}

export type ProgressLine = { show: (text: string) => void; clear: () => void }

/** A line of a terminal that is written over; nothing where no person looks. */
export const createProgressLine = (out: NodeJS.WriteStream): ProgressLine => {
  let shownTimeMs = 0
  if (!out.isTTY) return { show: () => undefined, clear: () => undefined }
  return {
    show: (text) => {
      if (Date.now() - shownTimeMs < EVERY_MS) return
      shownTimeMs = Date.now()
      out.write(`\r\x1b[2K${text}`)
    },
    clear: () => {
      if (shownTimeMs > 0) out.write('\r\x1b[2K')
    },
  }
}
