import type { KeptProcess } from './kept-process.ts'
import type { ProcessSpec } from './launch.ts'
import { freePort } from './ports.ts'
import { keep, type Site } from './site.ts'
import { preferredPort, rememberPort } from './state-dir.ts'

const ATTEMPTS = 3

const choosePort = async (site: Site, name: string, usual: number): Promise<number> => {
  const wanted = preferredPort(site.state, name, usual)
  const port = await freePort(wanted)
  if (port !== wanted) site.say(`port ${wanted} of ${name} is taken, using ${port}`)
  return port
}

/** On the remembered port, else the usual one, else a free one: a start that loses its port to another tries again. */
export const startOnPort = async (
  site: Site,
  name: string,
  usual: number,
  specOf: (port: number) => ProcessSpec | Promise<ProcessSpec>,
): Promise<{ kept: KeptProcess; port: number }> => {
  for (let attempt = 1; ; attempt += 1) {
    const port = await choosePort(site, name, usual)
    try {
      const kept = await keep(site, await specOf(port))
      rememberPort(site.state, name, port)
      return { kept, port }
    } catch (error) {
      if (attempt === ATTEMPTS) throw error
    }
  }
}
