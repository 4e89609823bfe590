import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { readConfig } from '../../config.ts'

/** An address, and where it was found: an error that names both can be acted upon. */
export type Place = { url: string; source: string }
/** Objects of an archive that is not in a folder are kept in `cacheFolder`. */
export type ArchivePlace = { url: string; cacheFolder: string; cacheBytes: number }
/** `reads`: of those who only read, by way of a pooler where one is given. */
export type Places = { database: Place; reads: Place; redis: Place; archive: ArchivePlace }

const runFile = z.object({ databaseUrl: z.string(), redisUrl: z.string() })

const readRunFile = (path: string): z.infer<typeof runFile> | undefined => {
  try {
    return runFile.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    return undefined
  }
}

/** The databases that the environment names, else those of the running `npm start`, else the usual ports. */
export const findPlaces = (environment: NodeJS.ProcessEnv): Places => {
  const config = readConfig(environment)
  const path = join(config.POLYTAPE_STATE_DIR, 'run.json')
  const running = readRunFile(path)
  const choose = (name: 'DATABASE_URL' | 'REDIS_URL', ofRun: string | undefined): Place => {
    if ((environment[name] ?? '') !== '') return { url: config[name], source: `from ${name}` }
    if (ofRun !== undefined) return { url: ofRun, source: `from ${path}` }
    return { url: config[name], source: `the default, since there is neither ${name} nor ${path}` }
  }
  const database = choose('DATABASE_URL', running?.databaseUrl)
  const pooled = config.DATABASE_POOLED_URL
  return {
    database,
    reads: pooled === undefined ? database : { url: pooled, source: 'from DATABASE_POOLED_URL' },
    redis: choose('REDIS_URL', running?.redisUrl),
    archive: {
      url: config.ARCHIVE_URL,
      cacheFolder: join(config.POLYTAPE_STATE_DIR, 'archive-cache'),
      cacheBytes: config.ARCHIVE_CACHE_BYTES,
    },
  }
}

/** Without user and password. */
export const addressOf = ({ url }: Place): string => {
  try {
    return new URL(url).host
  } catch {
    return 'an address that is no URL'
  }
}
