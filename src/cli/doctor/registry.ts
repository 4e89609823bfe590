import { probeArchive } from './archive.ts'
import { probeCost } from './cost.ts'
import { probePostgres } from './postgres.ts'
import type { Probe } from './probe.ts'
import { probeRedis } from './redis.ts'
import { probeTemporal } from './temporal.ts'
import { probeVenue } from './venue.ts'

/** In the order of the report. All run at once; one that throws is a line of its own. */
export const PROBES: Probe[] = [
  { area: 'redis', run: probeRedis },
  { area: 'postgres', run: probePostgres },
  { area: 'temporal', run: probeTemporal },
  { area: 'archive', run: probeArchive },
  { area: 'venue', run: probeVenue },
  { area: 'cost', run: probeCost },
]
