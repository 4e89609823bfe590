// `npm start`: packages, then the supervisor in this same process, so that signals and exit codes need no forwarding.
import { bootstrap } from './bootstrap.mjs'

bootstrap()
await import('tsx')
await import('../src/cli/start.ts')
