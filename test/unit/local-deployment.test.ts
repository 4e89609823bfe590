import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config.ts'

const text = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')

const example = Object.fromEntries(
  text('.env.example')
    .split('\n')
    .filter((line) => /^[A-Z0-9_]+=/.test(line))
    .map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
)

describe('.env.example', () => {
  it('has every variable of the configuration with its default', () => {
    const source = text('src/config.ts')
    const names = [...source.matchAll(/^ {2}([A-Z][A-Z0-9_]+):/gm)].map((match) => match[1] ?? '')
    expect(names.length).toBeGreaterThan(15)
    expect(names.filter((name) => example[name] === undefined)).toEqual([])
    expect(readConfig(example)).toEqual(readConfig({}))
  })

  it('holds no secret', () => {
    const secrets = Object.entries(example).filter(([name]) => /PASSWORD|SECRET|_KEY$|API_KEY/.test(name))
    expect(secrets.length).toBeGreaterThan(0)
    expect(secrets.filter(([, value]) => value !== '')).toEqual([])
  })
})

/** No YAML parser is among the packages: the two levels of indentation that matter are read as text. */
const blocks = (section: string): [string, string][] => {
  const body =
    text('docker-compose.yml')
      .split(new RegExp(`^${section}:\\n`, 'm'))[1]
      ?.split(/^\S/m)[0] ?? ''
  const parts = body.split(/^ {2}(\w+):/m).slice(1)
  return parts.flatMap((name, index): [string, string][] => (index % 2 === 0 ? [[name, parts[index + 1] ?? '']] : []))
}

describe('docker-compose.yml', () => {
  const containers = blocks('services')

  it('has Postgres, Redis, Temporal and S3', () => {
    expect(containers.map(([name]) => name)).toEqual(['postgres', 'redis', 'temporal', 's3'])
  })

  it.each(containers)('%s has a pinned image, a health check, loopback ports and a declared volume', (_, body) => {
    expect(/image: \S+:(?!latest)\S*\d\S*$/m.test(body)).toBe(true)
    expect(body).toMatch(/healthcheck:\n\s+test: \[/)
    const ports = [...body.matchAll(/'([\d.:]+:\d+:\d+)'/g)].map((match) => match[1] ?? '')
    expect(ports.length).toBeGreaterThan(0)
    expect(ports.every((port) => port.startsWith('127.0.0.1:'))).toBe(true)
    const volume = /volumes: \['(\w+):/.exec(body)?.[1]
    expect(blocks('volumes').map(([name]) => name)).toContain(volume)
  })

  it('keeps what Redis acknowledges and registers the search attributes', () => {
    const byName = Object.fromEntries(containers)
    expect(byName['redis']).toMatch(/'--appendonly',\s+'yes'[^]*'--maxmemory-policy',\s+'noeviction'/)
    for (const name of ['MarketState', 'MarketSlug', 'FeedGroup']) {
      expect(byName['temporal']).toContain(`--search-attribute=${name}=Keyword`)
    }
  })
})
