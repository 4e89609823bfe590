import { valueAt, type CountCommands } from '../lib/script-commands.ts'
/** Lua puts no more than some thousand values on its stack. */
const STREAMS_PER_COMMAND = 1_000

/**
 * Field of the hash that names no stream: its value is too wide for the list that Redis keeps up to 128 fields in, and
 * searches from end to end for each of them (a quarter of what an append cost it).
 */
export const WIDE_FIELD = ''

/**
 * Appends entries of one connection epoch to their streams, each once.
 *
 * KEYS: appended:<epoch>, ready:0 … ready:<shards - 1>, streams. ARGV: epoch, now in ms, life of the hash in s, key id,
 * number of streams n, n ordinals that must already be there, n indexes of the ready key; then six an entry: index of
 * the stream, first ordinal, last ordinal, header, texts, signature.
 *
 * Returns {-1} and adds nothing when the hash knows less than was acknowledged: Redis has lost writes, which must be
 * made again first. Else {added, error text of each entry that Redis refused …}: a stream key of another type must
 * not hold up its neighbours. Any other error (OOM) is the call's: what went in before it is noted, so a repeat adds the rest.
 */
export const APPEND_SCRIPT = `
local n = tonumber(ARGV[5])
local base = #KEYS - n
local last = {}
for from = 1, n, ${STREAMS_PER_COMMAND} do
  local to = math.min(n, from + ${STREAMS_PER_COMMAND - 1})
  local known = redis.call('hmget', KEYS[1], unpack(KEYS, base + from, base + to))
  for i = from, to do
    last[i] = tonumber(known[i - from + 1] or 0)
    if last[i] < tonumber(ARGV[5 + i]) then return {-1} end
  end
end
local result = {0}
local noted = {}
local failed = nil
for at = 5 + 2 * n, #ARGV - 6, 6 do
  local i = tonumber(ARGV[at + 1])
  local ending = tonumber(ARGV[at + 3])
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
    noted[i] = ARGV[at + 3]
  end
end
local ordinals = {}
local names = {}
for i, ordinal in pairs(noted) do
  ordinals[#ordinals + 1] = KEYS[base + i]
  ordinals[#ordinals + 1] = ordinal
  local ready = KEYS[tonumber(ARGV[5 + n + i])]
  local those = names[ready] or {}
  names[ready] = those
  those[#those + 1] = ARGV[2]
  those[#those + 1] = KEYS[base + i]
end
local function callAll(name, key, values)
  for from = 1, #values, ${2 * STREAMS_PER_COMMAND} do
    redis.call(name, key, unpack(values, from, math.min(#values, from + ${2 * STREAMS_PER_COMMAND - 1})))
  end
end
if #ordinals > 0 then redis.call('hsetnx', KEYS[1], '${WIDE_FIELD}', '${'x'.repeat(65)}') end
callAll('hset', KEYS[1], ordinals)
for ready, those in pairs(names) do callAll('zadd', ready, those) end
if failed then return failed end
redis.call('expire', KEYS[1], ARGV[3])
return result
`

/** A look and a note of all streams (two for thousands), an XADD an entry, a note a shard, two more of the epoch; at most. */
export const countAppendCommands: CountCommands = (call) => {
  const streams = valueAt(call, 5)
  const entries = Math.floor((call.valueCount - 5 - 2 * streams) / 6)
  const shards = call.keyCount - 1 - streams
  return (2 + shards) * Math.ceil(streams / STREAMS_PER_COMMAND) + entries + 2
}
