/** A fact where a book is not kept whole: levels beyond may be there all the same. */
export const keptFacts = (depth: number): string[] =>
  depth === 0 ? [] : [`kept: best ${depth === 1 ? 'level' : `${depth} levels`} a side`]
