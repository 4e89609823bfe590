import { mkdirSync, realpathSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { readJsonFile, writeJsonFile } from './json-file.ts'

const memorySchema = z.object({
  ports: z.record(z.string(), z.number()).default({}),
  postgresHome: z.string().optional(),
})

/** What is remembered between starts. */
type Memory = z.infer<typeof memorySchema>

export type StateDir = {
  root: string
  path: (...parts: string[]) => string
  logPath: (name: string) => string
  recall: () => Memory
  remember: (change: Partial<Memory>) => void
}

/** Creates the folder if need be. Everything that polytape keeps lies in it, but Postgres where its user cannot enter. */
export const openStateDir = (folder: string): StateDir => {
  mkdirSync(join(resolve(folder), 'logs'), { recursive: true })
  const root = realpathSync(folder)
  const memoryPath = join(root, 'local.json')
  const recall = () => readJsonFile(memoryPath, memorySchema) ?? { ports: {} }
  return {
    root,
    path: (...parts) => join(root, ...parts),
    logPath: (name) => join(root, 'logs', `${name}.log`),
    recall,
    remember: (change) => writeJsonFile(memoryPath, { ...recall(), ...change }),
  }
}

/** The port remembered for the name, or the usual one. */
export const preferredPort = (state: StateDir, name: string, usual: number): number =>
  state.recall().ports[name] ?? usual

export const rememberPort = (state: StateDir, name: string, port: number): void =>
  state.remember({ ports: { ...state.recall().ports, [name]: port } })
