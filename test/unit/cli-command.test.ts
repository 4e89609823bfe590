import { describe, expect, it } from 'vitest'
import { parseCommand } from '../../src/cli/polytape/command.ts'
import { parseInstant } from '../../src/cli/polytape/instant.ts'

const NOW = Date.parse('2026-11-23T22:30:00.500Z')
const at = (text: string): string => new Date(parseInstant('--at', text, NOW)).toISOString()

describe('times on the command line', () => {
  it('are taken as people write them, in UTC where no zone is given', () => {
    expect(at('2026-11-23T20:15:00Z')).toBe('2026-11-23T20:15:00.000Z')
    expect(at('2026-11-23 20:15')).toBe('2026-11-23T20:15:00.000Z')
    expect(at('2026-11-23 20:15:01.25')).toBe('2026-11-23T20:15:01.250Z')
    expect(at('2026-11-23T21:15:00+01:00')).toBe('2026-11-23T20:15:00.000Z')
    expect(at('2026-11-23T21:15:00+01')).toBe('2026-11-23T20:15:00.000Z')
    expect(at('2026-11-22')).toBe('2026-11-22T00:00:00.000Z')
    expect(at('20:15')).toBe('2026-11-23T20:15:00.000Z')
    expect(at('20:15:30.5')).toBe('2026-11-23T20:15:30.500Z')
    expect(at('90s')).toBe('2026-11-23T22:28:30.500Z')
    expect(at('1.5h ago')).toBe('2026-11-23T21:00:00.500Z')
    expect(at('1d')).toBe('2026-11-22T22:30:00.500Z')
    expect(at(String(NOW - 1))).toBe('2026-11-23T22:30:00.499Z')
    expect(at('1763900000')).toBe(new Date(1_763_900_000_000).toISOString())
    expect(at('now')).toBe('2026-11-23T22:30:00.500Z')
  })

  it('that are none are refused with what is accepted, and so is the future', () => {
    for (const text of [
      '',
      'yesterday',
      '25:00',
      '20:60',
      '2026-02-30',
      '2026-13-01',
      '2026-11-23T24:61',
      '5 weeks',
      '-5m',
    ]) {
      expect(() => at(text), text).toThrow(`--at: expected a time, got "${text}"\naccepted: `)
    }
    expect(() => at('23:59')).toThrow('expected an instant that has been')
  })
})

describe('commands', () => {
  it('have defaults that a person expects', () => {
    expect(parseCommand(['book', '516710'], NOW)).toEqual({
      type: 'book',
      market: '516710',
      atTimeMs: undefined,
      depth: 10,
      maxBytes: 1_000_000_000,
    })
    expect(parseCommand(['book', 'rain', '--at', '22:00', '--depth', '0'], NOW)).toMatchObject({ depth: 0, atTimeMs: Date.parse('2026-11-23T22:00:00Z') }) // prettier-ignore
    expect(parseCommand(['book', 'rain', '--at', '1d', '--max-bytes', '5GB'], NOW)).toMatchObject({ maxBytes: 5e9 })
    expect(parseCommand(['book', 'rain', '--at', '1d', '--force'], NOW)).toMatchObject({ maxBytes: Infinity })
    expect(parseCommand(['coverage', 'rain'], NOW)).toEqual({
      type: 'coverage',
      market: 'rain',
      fromTimeMs: Date.parse('2026-11-22T23:00:00Z'),
      toTimeMs: NOW,
    })
    expect(parseCommand(['help'], NOW)).toEqual({ type: 'help' })
    expect(parseCommand(['book', '--help'], NOW)).toEqual({ type: 'help' })
  })

  it('that are wrong say what was expected and what came', () => {
    const wrong: [string[], string][] = [
      [[], 'expected a command'],
      [['bok', '1'], 'there is no command "bok"'],
      [['book'], 'book: expected a market'],
      [['book', '1', '2'], 'got also "2"'],
      [['book', '1', '--depth', 'all'], '--depth: expected a number of levels (0 = all), got "all"'],
      [['book', '1', '--from', '1h'], 'book takes --at and --depth and --max-bytes and --force, not --from'],
      [['coverage', '1', '--at', '1h'], 'coverage takes --from and --to, not --at'],
      [['coverage', '1', '--from', '1h', '--to', '2h'], '--from must be before --to'],
      [['book', '1', '--deep'], "Unknown option '--deep'"],
    ]
    for (const [args, message] of wrong) expect(() => parseCommand(args, NOW), args.join(' ')).toThrow(message)
  })
})
