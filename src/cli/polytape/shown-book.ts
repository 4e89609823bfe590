/** Millionths. */
export type ShownLevel = { price: bigint; size: bigint }

/** One outcome's ladder as it is printed: best first, whole; `facts` are the lines under its name. */
export type ShownOutcome = {
  outcomeId: string
  name: string
  facts: string[]
  bids: ShownLevel[]
  asks: ShownLevel[]
}

/** `facts` stand under the question, after the warning. */
export type ShownBook = { question: string; warning: string | undefined; facts: string[]; outcomes: ShownOutcome[] }
