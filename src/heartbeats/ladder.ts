/** What is tried, in this order, one a check while an alert stays open. */
export type Step = 'resync' | 'move' | 'reconnect' | 'page'

/** Where nothing runs there is nothing to resync or to move: Temporal starts it again by itself; a person looks why not. */
const LADDERS: ReadonlyMap<string, Step[]> = new Map([
  ['connection', ['resync', 'move', 'reconnect', 'page']],
  ['applied', ['resync', 'page']],
])
const ONLY_PAGE: Step[] = ['page']

const ladderOf = (subject: string): Step[] => LADDERS.get(subject.split(':', 1)[0] ?? '') ?? ONLY_PAGE

/** The step after the last one; undefined at the top. `isNew`: nobody is paged by the check that raises the alert. */
export const nextStep = (subject: string, last: Step | undefined, isNew: boolean): Step | undefined => {
  const ladder = ladderOf(subject)
  const next = ladder[last === undefined ? 0 : ladder.indexOf(last) + 1]
  return isNew && next === 'page' ? undefined : next
}
