/**
 * How long it is remembered that a market was forgotten: a worker that stood still while it wrote an older desire must not
 * bring it back. Longer than an activity may take.
 */
const FORGOTTEN_SECONDS = 60

/**
 * Writes a desire for the market's feed, choosing the first group with room for a market that has none (sticky after).
 * A lower generation than the written one is an echo of the past: ignored. A newer desire calls off a move.
 * KEYS: feed_groups, feed_moves. ARGV: market, markets a group, generation, JSON of the desire, channel. Returns the group,
 * or -1 for a market that was forgotten at a higher generation.
 */
export const APPLY_SCRIPT = `
local forgotten = redis.call('get', 'forgotten:' .. ARGV[1])
if forgotten and tonumber(forgotten) > tonumber(ARGV[3]) then return -1 end
local group = redis.call('hget', KEYS[1], ARGV[1])
if not group then
  group = 0
  while redis.call('hlen', 'desired:' .. group) >= tonumber(ARGV[2]) do group = group + 1 end
  redis.call('hset', KEYS[1], ARGV[1], group)
end
local written = redis.call('hget', 'desired:' .. group, ARGV[1])
local moving = redis.call('hget', KEYS[2], ARGV[1])
if moving and written and cjson.decode(written).generation < tonumber(ARGV[3]) then
  redis.call('hdel', KEYS[2], ARGV[1])
  redis.call('hset', 'desired:' .. moving, ARGV[1], (string.gsub(written, '"state":"%a+"', '"state":"stopped","passage":{"type":"gone","to":' .. group .. '}', 1)))
  redis.call('publish', ARGV[5], moving)
end
if not written or cjson.decode(written).generation <= tonumber(ARGV[3]) then
  redis.call('hset', 'desired:' .. group, ARGV[1], ARGV[4])
  redis.call('publish', ARGV[5], group)
end
return tonumber(group)
`

/**
 * Clears a market that has left, from the group that it is in by now, unless it was desired anew meanwhile.
 * KEYS: feed_groups. ARGV: market, generation, the group that it was in. Returns 1 when it was cleared.
 */
export const FORGET_SCRIPT = `
local group = redis.call('hget', KEYS[1], ARGV[1]) or ARGV[3]
local written = redis.call('hget', 'desired:' .. group, ARGV[1])
if written and cjson.decode(written).generation > tonumber(ARGV[2]) then return 0 end
for _, key in ipairs({KEYS[1], 'desired:' .. group, 'confirmed:' .. group}) do redis.call('hdel', key, ARGV[1]) end
redis.call('set', 'forgotten:' .. ARGV[1], ARGV[2], 'ex', ${FORGOTTEN_SECONDS})
return 1
`

/**
 * Writes the desires of many markets that have none yet, each group announced once.
 * KEYS: feed_groups. ARGV: markets a group, channel, then market and JSON of the desire in turn.
 * Returns a group a market, -1 for one that has a desire.
 */
export const ENROL_SCRIPT = `
local room, groups, touched = 0, {}, {}
for index = 3, #ARGV, 2 do
  local group = redis.call('hget', KEYS[1], ARGV[index])
  if not group then
    while redis.call('hlen', 'desired:' .. room) >= tonumber(ARGV[1]) do room = room + 1 end
    group = tostring(room)
    redis.call('hset', KEYS[1], ARGV[index], group)
  end
  if redis.call('hsetnx', 'desired:' .. group, ARGV[index], ARGV[index + 1]) == 1 then
    touched[group] = true
    groups[#groups + 1] = tonumber(group)
  else
    groups[#groups + 1] = -1
  end
end
for group in pairs(touched) do redis.call('publish', ARGV[2], group) end
return groups
`
