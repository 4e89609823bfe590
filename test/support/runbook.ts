import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { System } from './system.ts'

/** A command of RUNBOOK.md that an operator types, with the output that is written below it. */
export type RunbookCommand = { command: string; output: string }

const PROMPT = '$ '

const commandsOf = (block: string): RunbookCommand[] => {
  const found: RunbookCommand[] = []
  let isContinued = false
  for (const line of block.split('\n')) {
    const last = found.at(-1)
    if (line.startsWith(PROMPT)) found.push({ command: line.slice(PROMPT.length), output: '' })
    else if (last !== undefined && isContinued) last.command += `\n${line}`
    else if (last !== undefined) last.output += `${line}\n`
    isContinued = line.endsWith('\\')
  }
  return found
}

/** All commands with a prompt that use the `temporal` binary, in the order in which they are written. */
export const readRunbook = (): RunbookCommand[] => {
  const text = readFileSync(new URL('../../RUNBOOK.md', import.meta.url), 'utf8')
  const blocks = text.split(/^```\w*$/m).filter((_, index) => index % 2 === 1)
  return blocks.flatMap(commandsOf).filter(({ command }) => command.startsWith('$temporal '))
}

export type Typed = { code: number; text: string }

/** Types it into a shell, after what the runbook says to export. */
export const type = ({ run }: System, command: string): Promise<Typed> => {
  const { temporalCli: temporal, temporalAddress } = run()
  const env = { ...process.env, temporal, TEMPORAL_ADDRESS: temporalAddress }
  return new Promise((resolve) => {
    execFile('bash', ['-c', command], { env, timeout: 60_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
      resolve({ code, text: `${stdout}${stderr}` })
    })
  })
}

const VOLATILE = [
  /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g,
  /\d{4}-\d\d-\d\dT[\d:.]+Z/g,
  /\d+-[0-9a-f]{8}/g,
  /\d+(\.\d+)?/g,
]

/** Ids, instants and numbers are another each time, and the width of a column follows them. */
const plain = (text: string): string =>
  VOLATILE.reduce((left, pattern) => left.replaceAll(pattern, '#'), text.replaceAll('\\', '')).replaceAll(/\s+/g, '')

/** Lines of the runbook's output that the real one does not have; `…` stands for what is left out. */
export const missingLines = (output: string, real: string): string[] => {
  const text = plain(real)
  return output.split('\n').filter((line) => {
    let from = 0
    return line.split('…').some((part) => {
      const at = text.indexOf(plain(part), from)
      from = at + plain(part).length
      return at === -1
    })
  })
}
