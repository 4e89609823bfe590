import { Command, type Redis } from 'ioredis'

const argument = (text: string): string => `$${text.length}\r\n${text}\r\n`

/**
 * Calls a script by its SHA-1. The client measures, copies and encodes argument by argument: of calls with hundreds of
 * short texts that is half of what they cost, so they are written here as one text, of one byte a letter.
 */
export const callScript = async (
  redis: Redis,
  sha: string,
  keys: string[],
  values: (string | number)[],
): Promise<unknown> => {
  let text = `*${keys.length + values.length + 3}\r\n${argument('EVALSHA')}${argument(sha)}${argument(String(keys.length))}`
  for (const key of keys) text += argument(key)
  for (const value of values) text += argument(String(value))
  if (Buffer.byteLength(text) !== text.length) return redis.evalsha(sha, keys.length, ...keys, ...values)
  const command = new Command('evalsha', [], { replyEncoding: 'utf8' })
  // Given to the constructor they would be flattened one by one. They are counted, and told with an error.
  command.args = [sha, keys.length, ...keys, ...values]
  command.toWritable = () => Buffer.from(text, 'latin1')
  return await redis.sendCommand(command)
}
