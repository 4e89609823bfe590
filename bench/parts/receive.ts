import { setTimeout as sleep } from 'node:timers/promises'
import { openWebsocket } from '../../src/lib/websocket.ts'
import { MARKET_CHANNEL } from '../../src/venue/polymarket/market-channel.ts'
import { openVenueProcess } from '../../test/support/venue-process.ts'
import { TICKS_PER_SECOND, cpuOf } from '../support/processes.ts'

export type Received = {
  framesPerSecond: number
  bytesPerFrame: number
  /** Frames a CPU second of each side: what a core of its own could do. */
  framesPerReceiverCpuSecond: number
  framesPerEmulatorCpuSecond: number
  /** Some of what came, for the parts after it. */
  texts: string[]
}

const MARKETS = 200
const TOKENS_A_SOCKET = 200
/** More than any emulator makes. */
const RATE = 10_000_000
const KEPT_TEXTS = 20_000

const cpuSeconds = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1e6

/** The emulator as fast as it goes, to the product's websocket, which only counts here: the ceiling of every other figure. */
export const measureReceive = async (seconds: number): Promise<Received> => {
  await using venue = await openVenueProcess(['--markets', String(MARKETS), '--rate', String(RATE)])
  const tokens = (await venue.ledger()).tokens.map(({ token }) => token)
  const texts: string[] = []
  let [frames, bytes] = [0, 0]
  const text = (frame: string): void => {
    frames += 1
    bytes += frame.length
    if (texts.length < KEPT_TEXTS && frame.startsWith('{')) texts.push(frame)
  }
  const open = (some: string[]) => {
    const opened = (): void => MARKET_CHANNEL.subscribe(some, true).forEach((one) => socket.send(one))
    const socket = openWebsocket(venue.env['POLYMARKET_WS_URL'] ?? '', [], { opened, text, closed: () => undefined })
    return socket
  }
  const sockets = Array.from({ length: Math.ceil(tokens.length / TOKENS_A_SOCKET) }, (_, at) =>
    open(tokens.slice(at * TOKENS_A_SOCKET, (at + 1) * TOKENS_A_SOCKET)),
  )
  const emulator = (): number => cpuOf([{ name: 'emulator', pid: venue.pid }]).get('emulator') ?? 0
  await sleep(2_000)
  ;[frames, bytes] = [0, 0]
  const [startMs, cpu, emulatorCpu] = [performance.now(), cpuSeconds(), emulator()]
  await sleep(seconds * 1_000)
  const received: Received = {
    framesPerSecond: (frames / (performance.now() - startMs)) * 1_000,
    bytesPerFrame: bytes / frames,
    framesPerReceiverCpuSecond: frames / (cpuSeconds() - cpu),
    framesPerEmulatorCpuSecond: frames / Math.max(emulator() - emulatorCpu, 1 / TICKS_PER_SECOND),
    texts,
  }
  for (const socket of sockets) socket.terminate('measured')
  return received
}
