import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { goInstall, toolFolder } from '../../src/local/go-install.ts'
import type { ProcessSpec } from '../../src/local/launch.ts'
import { freePort, waitUntil } from '../../src/local/ports.ts'
import { findOnPath, isExecutable } from '../../src/local/run-command.ts'
import type { Tool } from './debian-tool.ts'
import type { TestFolder } from './services-folder.ts'
import { openServerOnFreePort, type TestServer } from './services-process.ts'

/** Pinned: ETags, listings and errors differ between releases. */
const MODULE = 'github.com/versity/versitygw/cmd/versitygw@v1.8.0'

/** PATH, tool cache, else built with Go into the tool cache, once a machine. */
const obtainVersitygw = async (): Promise<Tool> => {
  const path = findOnPath('versitygw') ?? [join(toolFolder(), 'versitygw')].find(isExecutable)
  if (path !== undefined) return { type: 'found', path }
  console.error('versitygw is neither on PATH nor in the tool cache, building it with Go (75 s on 2 cores) …')
  try {
    return { type: 'found', path: await goInstall(MODULE) }
  } catch (error) {
    return { type: 'absent', reason: error instanceof Error ? error.message : String(error) }
  }
}

/**
 * Why tests against S3 cannot run, said on the screen too; undefined where they can. For `describe.skipIf(await …)`.
 */
export const whyNoS3 = async (): Promise<string | undefined> => {
  const tool = await obtainVersitygw()
  if (tool.type === 'found') return undefined
  console.error(`skipped: these tests need the S3 server versitygw. ${tool.reason}`)
  return tool.reason
}

const CREDENTIALS = { accessKeyId: 'polytape-test', secretAccessKey: randomBytes(16).toString('hex') }

const specOf = (binary: string, { state }: TestFolder, port: number): ProcessSpec => {
  const folder = state.path('s3')
  mkdirSync(folder, { recursive: true })
  return {
    name: 'versitygw',
    kind: 'server',
    command: binary,
    args: ['--port', `127.0.0.1:${port}`, '--health', '/health', '--quiet', '--keep-alive', 'posix', folder],
    env: { ...process.env, ROOT_ACCESS_KEY: CREDENTIALS.accessKeyId, ROOT_SECRET_KEY: CREDENTIALS.secretAccessKey },
    cwd: state.root,
    user: undefined,
    stopSignal: 'SIGTERM',
    logPath: state.logPath('versitygw'),
    ready: (signal) => waitUntil(() => answers(port), 30_000, signal),
  }
}

const answers = async (port: number): Promise<void> => {
  const answer = await fetch(`http://127.0.0.1:${port}/health`)
  if (!answer.ok) throw new Error(`versitygw answers ${answer.status}`)
}

/** Where the SDK's chain looks first; child processes of a test inherit them. */
const offerCredentials = (): void => {
  process.env['AWS_ACCESS_KEY_ID'] = CREDENTIALS.accessKeyId
  process.env['AWS_SECRET_ACCESS_KEY'] = CREDENTIALS.secretAccessKey
}

export type TestS3 = TestServer & {
  port: number
  /** `ARCHIVE_URL` of a prefix in the bucket; by way of another port, of a proxy. */
  url: (prefix: string, port?: number) => string
  /** Folder whose files are the objects of the bucket, by their keys. */
  folder: string
  /** For what the product never asks. */
  client: S3Client
}

const BUCKET = 'archive'

/** A real S3 server with an empty bucket in a folder of its own; puts its credentials into the environment. */
export const openS3 = async (): Promise<TestS3> => {
  const tool = await obtainVersitygw()
  if (tool.type === 'absent') throw new Error(tool.reason)
  offerCredentials()
  let folder = ''
  const { server, port } = await openServerOnFreePort(
    () => freePort(0),
    async (home, at) => {
      folder = home.state.path('s3', BUCKET)
      return specOf(tool.path, home, at)
    },
  )
  const endpoint = `http://127.0.0.1:${port}`
  const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials: CREDENTIALS })
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }))
  return {
    ...server,
    port,
    folder,
    client,
    url: (prefix, by = port) => `s3://${BUCKET}/${prefix}?endpoint=http://127.0.0.1:${by}`,
    [Symbol.asyncDispose]: async () => {
      client.destroy()
      await server[Symbol.asyncDispose]()
    },
  }
}
