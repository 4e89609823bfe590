import type { Config } from '../../config.ts'
import type { Places } from '../polytape/places.ts'
import type { Finding } from './finding.ts'

export type VenuePlaces = { ws: string; gamma: string; clob: string; data: string }

/** Where everything is, and how it is configured. */
export type Patient = { config: Config; places: Places; venue: VenuePlaces; environment: NodeJS.ProcessEnv }

/** Looks at one server, or one side of the system. It changes nothing but keys and objects named after the doctor, which it removes. */
export type Probe = { area: string; run: (patient: Patient) => Promise<Finding[]> }
