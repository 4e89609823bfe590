import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nodeIsTooOld, reasonToInstall } from '../../scripts/bootstrap.mjs'

let root = ''
const put = (path: string, content: unknown) => {
  mkdirSync(join(root, path, '..'), { recursive: true })
  writeFileSync(join(root, path), typeof content === 'string' ? content : JSON.stringify(content))
}
const packages = (version: string) => ({
  packages: { '': {}, 'node_modules/ws': { version, integrity: `sha-${version}` } },
})

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'polytape-bootstrap-'))
  put('package.json', { dependencies: { ws: '1' } })
  put('package-lock.json', packages('1.0.0'))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

describe('the bootstrap', () => {
  it('refuses only a Node older than 20.19', () => {
    expect(['18.20.0', '20.18.9', '20.9.0'].map(nodeIsTooOld)).toEqual([true, true, true])
    expect(['20.19.0', '20.20.2', '22.1.0', '100.0.0'].map(nodeIsTooOld)).toEqual([false, false, false, false])
  })

  it('installs on a fresh clone', () => {
    expect(reasonToInstall(root)).toContain('no node_modules')
  })

  it('installs again after an install that was interrupted', () => {
    put('node_modules/ws/package.json', {})
    expect(reasonToInstall(root)).toContain('not finished')
  })

  it('accepts packages that somebody else installed from the same lockfile', () => {
    put('node_modules/ws/package.json', {})
    put('node_modules/.package-lock.json', packages('1.0.0'))
    expect(reasonToInstall(root)).toBeUndefined()
  })

  it('installs when the lockfile names another version', () => {
    put('node_modules/ws/package.json', {})
    put('node_modules/.package-lock.json', packages('0.9.0'))
    expect(reasonToInstall(root)).toContain('does not match')
  })

  it('installs when a package was deleted', () => {
    put('node_modules/.package-lock.json', packages('1.0.0'))
    expect(reasonToInstall(root)).toContain('ws is missing')
  })

  it('does not miss optional packages of other platforms', () => {
    const other = { 'node_modules/pg-darwin': { version: '1.0.0', integrity: 'x', optional: true } }
    put('package-lock.json', { packages: { ...packages('1.0.0').packages, ...other } })
    put('node_modules/ws/package.json', {})
    put('node_modules/.package-lock.json', packages('1.0.0'))
    expect(reasonToInstall(root)).toBeUndefined()
  })
})
