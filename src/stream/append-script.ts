import { valueAt, type CountCommands } from '../lib/script-commands.ts'

/**
 * Appends entries of one connection epoch to their streams, each once.
 *
 * KEYS: appended:<epoch>, ready:0 … ready:<shards - 1>, streams. ARGV: epoch, now in ms, life of the hash in s, key id,
 * number of streams n, n ordinals that must already be there, n indexes of the ready key; then six an entry: index of
 * the stream, first ordinal, frames, header, texts, signature.
 *
 * Returns {-1} and adds nothing when the hash knows less than was acknowledged: Redis has lost writes, which must be
 * made again first. Else {added, error text of each entry that Redis refused …}: a stream key of another type must
 * not hold up its neighbours. Any other error (OOM) is the call's: what went in before it is noted, so a repeat adds the rest.
 */
export const APPEND_SCRIPT = `
local n = tonumber(ARGV[5])
local base = #KEYS - n
local last = {}
for i = 1, n do
  last[i] = tonumber(redis.call('hget', KEYS[1], KEYS[base + i]) or 0)
  if last[i] < tonumber(ARGV[5 + i]) then return {-1} end
end
local result = {0}
local changed = {}
local failed = nil
for at = 5 + 2 * n, #ARGV - 6, 6 do
  local i = tonumber(ARGV[at + 1])
  local ending = tonumber(ARGV[at + 2]) + tonumber(ARGV[at + 3]) - 1
  if ending > last[i] then
    local reply = redis.pcall('xadd', KEYS[base + i], '*', 'e', ARGV[1], 'o', ARGV[at + 2],
      'h', ARGV[at + 4], 'd', ARGV[at + 5], 'k', ARGV[4], 's', ARGV[at + 6])
    if type(reply) == 'table' and reply.err then
      if not string.find(reply.err, 'WRONGTYPE', 1, true) then
        failed = reply
        break
      end
      result[#result + 1] = KEYS[base + i] .. ': ' .. reply.err
    else
      result[1] = result[1] + 1
    end
    last[i] = ending
    changed[i] = true
  end
end
for i in pairs(changed) do
  redis.call('hset', KEYS[1], KEYS[base + i], last[i])
  redis.call('zadd', KEYS[tonumber(ARGV[5 + n + i])], ARGV[2], KEYS[base + i])
end
if failed then return failed end
redis.call('expire', KEYS[1], ARGV[3])
return result
`

/** A look a stream and an XADD an entry, two notes a stream and one of the epoch; where nothing was a copy. */
export const countAppendCommands: CountCommands = (call) => {
  const streams = valueAt(call, 5)
  const entries = Math.floor((call.valueCount - 5 - 2 * streams) / 6)
  return 3 * streams + entries + 1
}
