// `npm test`: packages, then vitest in this same process; the last line is `N passed, N failed`.
import { bootstrap, ROOT } from './bootstrap.mjs'

bootstrap()
process.chdir(ROOT)
const { parseCLI, startVitest } = await import('vitest/node')

/** Counts tests; a file that could not be loaded counts as one failed test. */
const countModule = (module, counts) => {
  let failedTests = 0
  for (const test of module.children.allTests()) {
    const { state } = test.result()
    if (state === 'failed') failedTests += 1
    else if (state === 'passed') counts.passed += 1
    else counts.skipped += 1
  }
  counts.failed += failedTests === 0 && module.state() === 'failed' ? 1 : failedTests
}

const { filter, options } = parseCLI(['vitest', 'run', ...process.argv.slice(2)])
const vitest = await startVitest('test', filter, { ...options, watch: false })
const counts = { passed: 0, failed: 0, skipped: 0 }
for (const module of vitest.state.getTestModules()) countModule(module, counts)
counts.failed += vitest.state.getUnhandledErrors().length
await vitest.close()

const ran = counts.passed + counts.failed > 0
if (!ran) console.error('no test ran')
const code = ran && counts.failed === 0 && !process.exitCode ? 0 : 1
const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed${skipped}\n`, () => process.exit(code))
