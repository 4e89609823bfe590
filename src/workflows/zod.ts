import { z } from 'zod'

// The sandbox of a workflow must not compile code: zod would probe for it.
z.config({ jitless: true })
// First use sets zod's own defaults; afterwards it is frozen.
z.strictObject({ first: z.number().int() }).safeParse({})

/** Preloaded: made once a worker and frozen, not once a workflow (see workers/workflow-bundle.ts). */
export { z }
