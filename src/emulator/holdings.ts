/** Millionths of shares by wallet and token. A wallet that sold what it got as a maker is below 0. */
export type Holdings = {
  of(wallet: string, token: string): number
  add(wallet: string, token: string, byMillionths: number): void
  /** Wallets that hold, or owe, something of one of the tokens. */
  holders(tokens: string[]): string[]
}

export const createHoldings = (): Holdings => {
  const byToken = new Map<string, Map<string, number>>()
  return {
    of: (wallet, token) => byToken.get(token)?.get(wallet) ?? 0,
    add: (wallet, token, byMillionths) => {
      const wallets = byToken.get(token) ?? new Map<string, number>()
      byToken.set(token, wallets.set(wallet, (wallets.get(wallet) ?? 0) + byMillionths))
    },
    holders: (tokens) => [...new Set(tokens.flatMap((token) => [...(byToken.get(token)?.keys() ?? [])]))],
  }
}
