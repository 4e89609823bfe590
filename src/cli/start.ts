import { parseStartOptions, USAGE, type StartOptions } from '../local/options.ts'
import { start } from '../local/start.ts'

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const readOptions = (): StartOptions | 'help' | undefined => {
  try {
    return parseStartOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${USAGE}`)
    return undefined
  }
}

const main = async (): Promise<number> => {
  const options = readOptions()
  if (options === undefined) return 2
  if (options === 'help') {
    console.log(USAGE)
    return 0
  }
  try {
    return await start({ options, env: process.env, out: process.stdout })
  } catch (error) {
    console.error(`polytape stopped: ${messageOf(error)}`)
    return 1
  }
}

// A pipe that is closed (`npm start | head`) must not keep us from stopping in order.
process.stdout.on('error', () => undefined)
process.exit(await main())
