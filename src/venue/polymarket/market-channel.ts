/** An oversize subscribe frame makes the venue close the socket, for ever if repeated (rs-clob-client-v2#116). */
const MAX_IDS_PER_FRAME = 100

const chunksOf = (tokens: string[]): string[][] => {
  const chunks: string[][] = []
  for (let at = 0; at < tokens.length; at += MAX_IDS_PER_FRAME) chunks.push(tokens.slice(at, at + MAX_IDS_PER_FRAME))
  return chunks
}

/** Texts of the market channel; `level` is left at its default, since the hash is over the whole book. Source: docs.polymarket.com, market channel. */
export const MARKET_CHANNEL = {
  ping: 'PING',
  pong: 'PONG',
  pingEveryMs: 10_000,
  /** Offered when replaying; a server that selects it prefixes each frame with the file's receive time and a space. */
  replayProtocol: 'polytape-replay',
  /** `isFirst`: nothing was subscribed on this socket yet. The flag belongs to the connection and is sent with every frame. */
  subscribe: (tokens: string[], isFirst: boolean): string[] =>
    chunksOf(tokens).map((ids, index) =>
      isFirst && index === 0
        ? JSON.stringify({ assets_ids: ids, type: 'market', custom_feature_enabled: true })
        : JSON.stringify({ operation: 'subscribe', assets_ids: ids, custom_feature_enabled: true }),
    ),
  unsubscribe: (tokens: string[]): string[] =>
    chunksOf(tokens).map((ids) => JSON.stringify({ operation: 'unsubscribe', assets_ids: ids })),
}

/** The configured address may lack the channel's path. */
export const marketChannelUrl = (url: string): string =>
  url.replace(/\/+$/, '').endsWith('/ws/market') ? url : `${url.replace(/\/+$/, '')}/ws/market`
