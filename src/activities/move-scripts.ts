/**
 * Begins a market's move: its desire stands in the new group too, as `arriving`; whoever owns it stays the old group. One
 * that brings no frames anyway is moved at once. Refused (0) where it is not in the old group, leaves, or moves already.
 * KEYS: feed_groups, feed_moves. ARGV: market, from, to, channel, channel of those whose workflow writes them again.
 */
export const BEGIN_MOVE_SCRIPT = `
local market, from, to = ARGV[1], ARGV[2], ARGV[3]
if redis.call('hget', KEYS[1], market) ~= from then return 0 end
local written = redis.call('hget', 'desired:' .. from, market)
if not written or redis.call('hexists', 'desired:' .. to, market) == 1 then return 0 end
local desired = cjson.decode(written)
if desired.passage or desired.state == 'stopped' then return 0 end
if desired.state == 'paused' then
  redis.call('hset', KEYS[1], market, to)
  redis.call('hset', 'desired:' .. to, market, written)
  redis.call('hset', 'desired:' .. from, market, (string.gsub(written, '"state":"%a+"', '"state":"stopped","passage":{"type":"gone","to":' .. to .. '}', 1)))
  redis.call('publish', ARGV[4], from)
  redis.call('publish', ARGV[5], market)
else
  redis.call('hset', KEYS[2], market, to)
  redis.call('hset', 'desired:' .. to, market, string.sub(written, 1, -2) .. ',"passage":{"type":"arriving","from":' .. from .. '}}')
end
redis.call('publish', ARGV[4], to)
return 1
`

/**
 * The new group takes the market over, in one step for all who read it; the old one is told that it is gone. Returns 0
 * where the move was called off meanwhile.
 * KEYS: feed_groups, feed_moves. ARGV: market, from, to, channel, channel of those whose workflow writes them again.
 */
export const TAKE_OVER_SCRIPT = `
local market, from, to = ARGV[1], ARGV[2], ARGV[3]
if redis.call('hget', KEYS[2], market) ~= to or redis.call('hget', KEYS[1], market) ~= from then return 0 end
local written = redis.call('hget', 'desired:' .. from, market)
if not written then return 0 end
redis.call('hdel', KEYS[2], market)
redis.call('hset', KEYS[1], market, to)
redis.call('hset', 'desired:' .. to, market, written)
redis.call('hset', 'desired:' .. from, market, (string.gsub(written, '"state":"%a+"', '"state":"stopped","passage":{"type":"gone","to":' .. to .. '}', 1)))
redis.call('publish', ARGV[4], from)
redis.call('publish', ARGV[5], market)
return 1
`

/**
 * Takes markets that have gone out of the hashes of their old group, unless they are on their way back.
 * KEYS: desired:<group>, confirmed:<group>. ARGV: markets.
 */
export const CLEAR_GONE_SCRIPT = `
for index = 1, #ARGV do
  local written = redis.call('hget', KEYS[1], ARGV[index])
  if written and string.find(written, '"passage":{"type":"gone"', 1, true) then
    redis.call('hdel', KEYS[1], ARGV[index])
    redis.call('hdel', KEYS[2], ARGV[index])
  end
end
return 1
`
