import type { CountCommands } from '../lib/script-commands.ts'

/**
 * Are these keys in one of the bitmaps? KEYS: the generations, the present one first. ARGV: a key's positions each,
 * joined by spaces (an argument a position cost five times as much in the client). Returns 1 or 0 for each. A key that is
 * in none mostly costs one GETBIT a generation.
 */
export const CHECK_SCRIPT = `
local result = {}
for at, positions in ipairs(ARGV) do
  result[at] = 0
  for _, bitmap in ipairs(KEYS) do
    local seen = 1
    for position in string.gmatch(positions, '%d+') do
      if redis.call('getbit', bitmap, position) == 0 then
        seen = 0
        break
      end
    end
    if seen == 1 then
      result[at] = 1
      break
    end
  end
end
return result
`

/** Sets bits of the present generation. KEYS: its bitmap. ARGV: its life in s from now, then a key's positions each. */
export const ADD_SCRIPT = `
for at = 2, #ARGV do
  for position in string.gmatch(ARGV[at], '%d+') do redis.call('setbit', KEYS[1], position, 1) end
end
redis.call('expire', KEYS[1], ARGV[1])
return #ARGV - 1
`

/** Of keys that are in no generation. */
export const countCheckCommands: CountCommands = ({ keyCount, valueCount }) => keyCount * valueCount

const positionsIn = (values: unknown): number => String(values).split(' ').length

export const countAddCommands: CountCommands = ({ valueCount, args }) =>
  valueCount < 2 ? 1 : (valueCount - 1) * positionsIn(args.at(-1)) + 1
