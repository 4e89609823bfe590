import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { restartDelayMs } from '../../src/local/kept-process.ts'
import { rotateLog } from '../../src/local/log-file.ts'
import { freePort } from '../../src/local/ports.ts'
import { ancestors, mayEnter } from '../../src/local/unprivileged.ts'

describe('ports', () => {
  it('are the wanted ones while nobody listens there and others when somebody does', async () => {
    // Somebody else may take one that was free a moment ago.
    const isGiven = async (): Promise<boolean> => {
      const wanted = await freePort(0)
      return (await freePort(wanted)) === wanted
    }
    await expect.poll(isGiven, { timeout: 60_000 }).toBe(true)
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const taken = typeof address === 'object' && address !== null ? address.port : 0
    expect(await freePort(taken)).not.toBe(taken)
    server.close()
  })
})

describe('folders that another user can enter', () => {
  const postgres = { uid: 101, gid: 104 }

  it('are open to all, to the group or to the user, and the owner is judged by the bits of the owner', () => {
    expect(mayEnter({ mode: 0o40755, uid: 0, gid: 0 }, postgres)).toBe(true)
    expect(mayEnter({ mode: 0o40700, uid: 0, gid: 0 }, postgres)).toBe(false)
    expect(mayEnter({ mode: 0o40710, uid: 0, gid: 104 }, postgres)).toBe(true)
    expect(mayEnter({ mode: 0o40700, uid: 101, gid: 0 }, postgres)).toBe(true)
    expect(mayEnter({ mode: 0o40077, uid: 101, gid: 104 }, postgres)).toBe(false)
  })

  it('need every folder above them to be so', () => {
    expect(ancestors('/root/a/b')).toEqual(['/', '/root', '/root/a', '/root/a/b'])
  })
})

describe('what is kept running', () => {
  it('is started again after waits that double up to ten seconds', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 60].map(restartDelayMs)).toEqual([250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000])
  })

  it('has a log that is cut when it grows over its limit, with one older part', () => {
    const folder = mkdtempSync(join(tmpdir(), 'polytape-log-'))
    const path = join(folder, 'role.log')
    writeFileSync(path, 'x'.repeat(100))
    rotateLog(path, 200)
    expect(readFileSync(path, 'utf8')).toHaveLength(100)
    rotateLog(path, 50)
    expect(readFileSync(path, 'utf8')).toBe('')
    expect(readFileSync(`${path}.1`, 'utf8')).toHaveLength(100)
    rmSync(folder, { recursive: true })
  })
})
