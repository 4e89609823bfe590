import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { ROLES } from '../../src/local/roles.ts'

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
  const parts = body.split(/^ {2}([\w-]+):/m).slice(1)
  return parts.flatMap((name, index): [string, string][] => (index % 2 === 0 ? [[name, parts[index + 1] ?? '']] : []))
}

describe('docker-compose.yml', () => {
  const containers = blocks('services')
  const isRole = ([, body]: [string, string]): boolean => body.includes('<<: *role\n')
  const isWatcher = ([, body]: [string, string]): boolean => /<<: \*(prometheus|grafana)\n/.test(body)
  const servers = containers.filter((container) => !isRole(container) && !isWatcher(container))
  const watchers = containers.filter(isWatcher)
  const roles = containers.filter(isRole)

  it('has Postgres, Redis, Temporal and S3, and with a profile the migration and each role', () => {
    expect(servers.map(([name]) => name)).toEqual(['postgres', 'redis', 'temporal', 's3'])
    expect(roles.map(([name]) => name)).toEqual(['migrate', 'control', 'feed', 'normalizer', 'archive'])
  })

  it.each(servers)('%s has a pinned image, a health check, loopback ports and a declared volume', (_, body) => {
    expect(/image: \S+:(?!latest)\S*\d\S*$/m.test(body)).toBe(true)
    expect(body).toMatch(/healthcheck:\n\s+test: \[/)
    const ports = [...body.matchAll(/'([\d.:]+:\d+:\d+)'/g)].map((match) => match[1] ?? '')
    expect(ports.length).toBeGreaterThan(0)
    expect(ports.every((port) => port.startsWith('127.0.0.1:'))).toBe(true)
    const volume = /volumes: \['(\w+):/.exec(body)?.[1]
    expect(blocks('volumes').map(([name]) => name)).toContain(volume)
  })

  it.each(roles)('%s runs a command of the build', (name, body) => {
    const command = name === 'migrate' ? 'migrate.js' : 'worker.js'
    const words = [...body.matchAll(/'([^'\n]*)'/g)].map(([, word]) => word)
    expect(words).toContain(`dist/cli/${command}`)
    expect(readdirSync(new URL('../../src/cli', import.meta.url))).toContain(command.replace('.js', '.ts'))
    if (name === 'migrate') return
    expect(words[words.indexOf('--role') + 1]).toBe(name)
    const role = ROLES.find((one) => one.name === name)
    expect(words.slice(words.indexOf('node') + 1, words.indexOf(`dist/cli/${command}`))).toEqual(role?.nodeFlags)
    for (const [variable, value] of Object.entries(role?.env ?? {})) expect(body).toContain(`${variable}: '${value}'`)
  })

  it('starts roles when asked for, after the migration, with variables that there are and no secret', () => {
    const shared = text('docker-compose.yml').split('x-role: &role\n')[1]?.split('\nservices:')[0] ?? ''
    expect(shared).toContain("profiles: ['roles']")
    expect(shared).toContain('migrate: { condition: service_completed_successfully }')
    const names = [...shared.matchAll(/^ {4}([A-Z][A-Z0-9_]+):/gm)].map((match) => match[1] ?? '')
    expect(names.length).toBeGreaterThan(5)
    // Those that libraries read by themselves stand there as comments: empty they would say something.
    const named = [...text('.env.example').matchAll(/^(?:# )?([A-Z][A-Z0-9_]+)=/gm)].map((match) => match[1])
    expect(names.filter((name) => !named.includes(name))).toEqual([])
    const tuned = Object.keys(example).filter((name) =>
      /^(HEARTBEAT|ALERT|POLYMARKET|COMMIT|VERIFY|RETENTION|ARCHIVE)_|^POLYTAPE_POLICY$|^BOOK_DEPTH$/.test(name),
    )
    expect(tuned.filter((name) => !names.includes(name))).toEqual([])
    expect(shared).toMatch(/^ {4}STREAM_HMAC_KEY:$/m)
  })

  it('watches when asked for: pinned, on loopback, nobody without a password, with files that there are', () => {
    expect(watchers.map(([name]) => name)).toEqual(['prometheus', 'grafana', 'prometheus-start', 'grafana-start'])
    const shared = text('docker-compose.yml').split('x-prometheus: &prometheus\n')[1]?.split('\nservices:')[0] ?? ''
    expect(shared).toMatch(/image: prom\/prometheus:v\d+\.\d+\.\d+\n/)
    expect(shared).toMatch(/image: grafana\/grafana:\d+\.\d+\.\d+\n/)
    expect(shared).toContain('GF_SECURITY_ADMIN_PASSWORD: ${GRAFANA_PASSWORD:-')
    expect(shared).toContain("GF_AUTH_ANONYMOUS_ENABLED: 'false'")
    for (const [, body] of watchers) {
      expect(body).toMatch(/profiles: \['watch(-start)?'\]/)
      if (body.includes('network_mode: host')) expect(body).toMatch(/(listen-address=|HTTP_ADDR: )127\.0\.0\.1/)
      else expect(body).toMatch(/ports: \['127\.0\.0\.1:(\d+):\1'\]/)
    }
    const mounted = [...text('docker-compose.yml').matchAll(/(\.\/deploy\/[\w/]+):/g)].map((match) => match[1] ?? '')
    expect(new Set(mounted).size).toBe(3)
    expect(mounted.filter((path) => !existsSync(new URL(`../../${path}`, import.meta.url)))).toEqual([])
    const configs = [...text('docker-compose.yml').matchAll(/=\/etc\/prometheus\/(\w+\.yml)/g)]
    expect(configs.map((match) => match[1])).toEqual(['roles.yml', 'prometheus.yml'])
  })

  it('keeps what Redis acknowledges and registers the search attributes', () => {
    const byName = Object.fromEntries(containers)
    expect(byName['redis']).toMatch(/'--appendonly',\s+'yes'[^]*'--maxmemory-policy',\s+'noeviction'/)
    for (const name of ['MarketState', 'MarketSlug', 'FeedGroup']) {
      expect(byName['temporal']).toContain(`--search-attribute=${name}=Keyword`)
    }
  })
})

describe('the image', () => {
  const dockerfile = text('Dockerfile')

  it('gets all that the Dockerfile copies, and no state, secret or history', () => {
    const lines = text('.dockerignore').split('\n')
    const admitted = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1))
    const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(
      (match) => match[1]?.split(' ') ?? [],
    )
    expect(lines).toContain('*')
    expect(new Set(copied)).toEqual(new Set(admitted))
    expect(copied.filter((name) => !existsSync(new URL(`../../${name}`, import.meta.url)))).toEqual([])
  })

  it('runs as another user than root and ends by SIGTERM', () => {
    const final = dockerfile.split(/^FROM /m).at(-1) ?? ''
    expect(final).toMatch(/^USER node$/m)
    expect(final).toMatch(/^STOPSIGNAL SIGTERM$/m)
    expect(final).toMatch(/^CMD \["node", .*"dist\/cli\/worker\.js"/m)
  })
})

describe('deploy/fly', () => {
  const folder = new URL('../../deploy/fly/', import.meta.url)

  it.each(['control', 'feed', 'normalizer', 'archive'])(
    '%s.toml runs its role and gives it the time to hand over',
    (role) => {
      const toml = readFileSync(new URL(`${role}.toml`, folder), 'utf8')
      const { nodeFlags = [], env = {} } = ROLES.find(({ name }) => name === role) ?? {}
      const command = ['node', ...nodeFlags, 'dist/cli/worker.js', '--role', role].join(' ')
      expect(toml).toContain(`\n${role} = "${command}"\n`)
      for (const [variable, value] of Object.entries(env)) expect(toml).toContain(`\n${variable} = "${value}"\n`)
      expect(toml).toContain('kill_signal = "SIGTERM"')
      expect(Number(/kill_timeout = "(\d+)s"/.exec(toml)?.[1])).toBeGreaterThan(10)
      expect(toml).not.toMatch(/(PASSWORD|SECRET|_KEY|_URL)/)
    },
  )
})
