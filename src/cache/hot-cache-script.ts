import { valueAt, type CountCommands } from '../lib/script-commands.ts'

/** What ended is shown for a day more. */
const ENDED_LIFE_SECONDS = 86_400
/** Lua puts no more than some thousand values on its stack. */
const LEVELS_PER_COMMAND = 1_000

/**
 * Writes quotes and ladders of several markets atomically, and refuses a market whose keys a newer owner has written.
 *
 * KEYS: per market `quote:<marketId>`, then per outcome its bid and its ask ladder.
 * ARGV: owner epoch, number of markets, then per market: bid_price, bid_size, ask_price, ask_size, sequence,
 * verified_sequence, state, source_ts, updated_at, applied, epoch, depth ('' = as it is), text for the channel `quotes` ('' =
 * none), number of ladders, and per ladder: 1 to replace it whole (else 0), number of levels, then price and size of each (size '0' removes).
 * Returns how many markets were refused.
 */
export const HOT_CACHE_SCRIPT = `
local at, key = 3, 0
local owner = tonumber(ARGV[1])
local refused = 0
for market = 1, tonumber(ARGV[2]) do
  key = key + 1
  local quote = KEYS[key]
  local standing = redis.call('HMGET', quote, 'owner', 'state')
  local stands = tonumber(standing[1] or '0') or 0
  local accepted = stands <= owner
  if accepted then
    redis.call('HSET', quote, 'bid_price', ARGV[at], 'bid_size', ARGV[at + 1], 'ask_price', ARGV[at + 2],
      'ask_size', ARGV[at + 3], 'sequence', ARGV[at + 4], 'verified_sequence', ARGV[at + 5], 'state', ARGV[at + 6],
      'source_ts', ARGV[at + 7], 'updated_at', ARGV[at + 8], 'applied', ARGV[at + 9], 'epoch', ARGV[at + 10],
      'owner', ARGV[1])
    if ARGV[at + 6] == 'stopped' or ARGV[at + 6] == 'resolved' then
      redis.call('EXPIRE', quote, ${ENDED_LIFE_SECONDS})
    elseif standing[2] == 'stopped' or standing[2] == 'resolved' then
      redis.call('PERSIST', quote)
    end
    if ARGV[at + 11] ~= '' then redis.call('HSET', quote, 'depth', ARGV[at + 11]) end
    if ARGV[at + 12] ~= '' then redis.call('PUBLISH', 'quotes', ARGV[at + 12]) end
  else
    refused = refused + 1
  end
  local ladders = tonumber(ARGV[at + 13])
  at = at + 14
  for ladder = 1, ladders do
    key = key + 1
    local name = KEYS[key]
    local whole = ARGV[at] == '1'
    if accepted and whole then redis.call('DEL', name) end
    local last = at + 2 * tonumber(ARGV[at + 1])
    local members = {}
    for level = at + 2, accepted and last or 0, 2 do
      local price, size = ARGV[level], ARGV[level + 1]
      if not whole then redis.call('ZREMRANGEBYSCORE', name, price, price) end
      if size ~= '0' then
        members[#members + 1] = price
        members[#members + 1] = price .. ':' .. size
        if #members >= ${2 * LEVELS_PER_COMMAND} then
          redis.call('ZADD', name, unpack(members))
          members = {}
        end
      end
    end
    if #members > 0 then redis.call('ZADD', name, unpack(members)) end
    at = last + 2
  end
end
return refused
`

/** At most: of a market a look, a write and an announcement; of a level one for what stood there, of a ladder one for what stands. */
export const countCacheCommands: CountCommands = (call) => {
  const markets = valueAt(call, 2)
  const ladders = call.keyCount - markets
  const levels = (call.valueCount - 2 - 14 * markets - 2 * ladders) / 2
  return 3 * markets + levels + ladders
}
