import { bookText } from './polytape/book-text.ts'
import { parseCommand, USAGE, type Command } from './polytape/command.ts'
import { openDatabase } from './polytape/connections.ts'
import { coverageText } from './polytape/coverage-text.ts'
import { findMarket } from './polytape/find-market.ts'
import { parseImport } from './polytape/import-command.ts'
import { keptFacts } from './polytape/kept-text.ts'
import { readBook } from './polytape/read-book.ts'
import { paletteOf, widthOf } from './polytape/paint.ts'
import { findPlaces, type Places } from './polytape/places.ts'
import { timeText } from './polytape/number-text.ts'
import { runCommand } from './polytape/usage.ts'
import { readCoverage } from '../store/as-of.ts'
import { readDepthAt } from '../store/depths.ts'

type View = Parameters<typeof coverageText>[1]

const coverage = async (command: Command & { type: 'coverage' }, places: Places, view: View): Promise<string> => {
  await using database = await openDatabase(places.reads)
  const { market } = await findMarket(database.client, command.market)
  const hours = await readCoverage(database.client, market.marketId, command)
  const [from, to] = [command.fromTimeMs, command.toTimeMs].map((timeMs) => `${timeText(timeMs).slice(0, 16)}Z`)
  const kept = keptFacts(await readDepthAt(database.client, market.marketId, command.toTimeMs))
  const facts = [`market ${market.marketId}`, market.slug, `${from} to ${to}`, ...kept]
  return coverageText({ question: market.question, facts, hours }, view)
}

const book = async (command: Command & { type: 'book' }, places: Places, view: View): Promise<string> => {
  await using database = await openDatabase(places.reads)
  const found = await findMarket(database.client, command.market)
  return bookText(await readBook(database.client, found, { ...command, places }), command.depth, view)
}

// DuckDB, the clients of S3 and of Temporal take most of a command's start: only what needs them loads them.
const scan = async (command: Command & { type: 'query' | 'export' }, view: View): Promise<string> => {
  const { runScan } = await import('./polytape/run-scan.ts')
  return runScan(command, findPlaces(process.env), view.palette)
}

const run = (command: Exclude<Command, { type: 'doctor' }>, view: View): Promise<string> => {
  switch (command.type) {
    case 'help':
      return Promise.resolve(`${USAGE}\n`)
    case 'book':
      return book(command, findPlaces(process.env), view)
    case 'coverage':
      return coverage(command, findPlaces(process.env), view)
    case 'query':
    case 'export':
      return scan(command, view)
  }
}

const main = async (): Promise<number> => {
  const { stdout, argv } = process
  if (argv[2] === 'import') {
    const { runImport } = await import('./polytape/import.ts')
    await runImport(parseImport(argv.slice(3), Date.now()))
    return 0
  }
  const view = {
    width: widthOf(stdout.columns, process.env),
    palette: paletteOf(stdout.isTTY, process.env),
  }
  const command = parseCommand(argv.slice(2), Date.now())
  if (command.type === 'doctor') {
    const { runDoctor } = await import('./doctor/doctor.ts')
    const { text, code } = await runDoctor(process.env, { ...command, ...view })
    stdout.write(text)
    return code
  }
  stdout.write(await run(command, view))
  return 0
}

// A pipe that is closed (`… | head`) is no error.
process.stdout.on('error', () => undefined)
process.exitCode = await runCommand({ name: 'polytape', usage: USAGE }, main)
