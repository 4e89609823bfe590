import { measureBookHash } from './parts/book-hash.ts'

/** What a proof costs: the hash of a book of 120 levels after a change, SHA-1 of the same text alone, and a full search. */
const LEVELS_A_SIDE = 60
const ROUNDS = 20_000

const costs = measureBookHash(LEVELS_A_SIDE, ROUNDS)
const tell = (name: string, micros: number): void =>
  console.log(`${name.padEnd(46)}${micros.toFixed(1).padStart(9)} µs`)

console.log(`${costs.levels} levels, ${costs.characters} characters`)
tell('SHA-1 of a ready text of that length', costs.sha1)
tell('change of a level', costs.change)
tell('change of a level and hash of the book', costs.changeAndHash)
tell('search of all prices of three decimals', costs.search)
