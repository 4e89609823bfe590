const MOST_TOLD = 40

/** Lines of a soak, with the seconds since it began. */
export const createSay = (): ((line: string) => void) => {
  const startedMs = Date.now()
  return (line) => console.log(`${((Date.now() - startedMs) / 1_000).toFixed(0).padStart(5)} s  ${line}`)
}

/** Tells what failed and ends the process. `hint`: how to come to it again. */
export const endSoak = (failures: readonly string[], hint = ''): never => {
  for (const failure of failures.slice(0, MOST_TOLD)) console.error(`FAILED ${failure}`)
  if (failures.length > MOST_TOLD) console.error(`… and ${failures.length - MOST_TOLD} more`)
  console.log(failures.length === 0 ? 'ok' : `${failures.length} failures${hint}`)
  process.exit(failures.length === 0 ? 0 : 1)
}
