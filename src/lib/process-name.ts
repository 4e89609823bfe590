import { hostname } from 'node:os'

const HOST = encodeURIComponent(hostname())
/** In a container that is started anew, the process has the same host and pid as before. */
const STARTED = Math.round(performance.timeOrigin)

/** Names this process in a folder that processes, also of other hosts, share: `<host>~<pid>~<start, ms>`. */
export const PROCESS_NAME = `${HOST}~${process.pid}~${STARTED}`

/** Of this host. */
export const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Whether the process of such a name was on this host and is no more. What follows a fourth `~` is anybody's. */
export const hasEnded = (name: string): boolean => {
  const [host, pid = '', started] = name.split('~')
  if (host !== HOST || !/^[1-9]\d*$/.test(pid)) return false
  return Number(pid) === process.pid ? Number(started) !== STARTED : !isRunning(Number(pid))
}
