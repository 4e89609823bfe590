// `node scripts/run.mjs src/cli/x.ts …`: packages, then the command in this same process.
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bootstrap, ROOT } from './bootstrap.mjs'

const script = process.argv[2]
if (script === undefined) {
  console.error('usage: node scripts/run.mjs <file.ts> [arguments]')
  process.exit(1)
}
bootstrap()
const path = resolve(ROOT, script)
process.argv.splice(1, 2, path)
await import('tsx')
await import(pathToFileURL(path).href)
