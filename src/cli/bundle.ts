import { readConfig } from '../config.ts'
import { createLog } from '../lib/log.ts'
import { loadWorkflowBundle } from '../workers/workflow-bundle.ts'

// Makes the bundle that a control worker of this state folder would make at its start.
const { POLYTAPE_STATE_DIR } = readConfig(process.env)
await loadWorkflowBundle(POLYTAPE_STATE_DIR, createLog('control', 'warn'))
