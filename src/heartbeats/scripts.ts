import type { CountCommands } from '../lib/script-commands.ts'

/**
 * KEYS[1] heartbeats; ARGV subject, text, subject, text … Each text is stamped with Redis's clock, so that the clocks of
 * hosts need not agree.
 */
export const REPORT_SCRIPT = `
local t = redis.call('TIME')
local at = t[1] .. string.format('%03d', math.floor(t[2] / 1000))
for i = 1, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], at .. ' ' .. ARGV[i + 1]) end
return at`

export const countReportCommands: CountCommands = ({ valueCount }) => 1 + valueCount / 2

/**
 * KEYS[1] heartbeats, KEYS[2] since, KEYS[3] feed groups; ARGV[1] ms after which a pause of the checks begins the watch
 * anew. Returns now, since when heartbeats are watched, all reports, and the group of each market.
 */
export const READ_SCRIPT = `
local t = redis.call('TIME')
local at = t[1] .. string.format('%03d', math.floor(t[2] / 1000))
local since = redis.call('GET', KEYS[2])
if not since then since = at end
redis.call('SET', KEYS[2], since, 'PX', ARGV[1])
return { at, since, redis.call('HGETALL', KEYS[1]), redis.call('HVALS', KEYS[3]) }`
