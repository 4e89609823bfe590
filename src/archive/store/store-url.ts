import { fileURLToPath } from 'node:url'
import { StoreError } from './object-store.ts'

export type S3Place = {
  type: 's3'
  bucket: string
  /** Empty, or segments that end with `/`. */
  prefix: string
  endpoint: string | undefined
  /** Undefined: the SDK's chain (AWS_REGION, profile). */
  region: string | undefined
  /** Bucket in the path and not in the host name. Undefined: as the SDK thinks fit. */
  isPathStyle: boolean | undefined
}

export type StorePlace = { type: 'file'; folder: string } | S3Place

const EXPECTED = 'expected s3://bucket/prefix[?endpoint=…&region=…&style=path|host] or file:///folder'
const PARAMETERS: ReadonlySet<string> = new Set(['endpoint', 'region', 'style'])
/** What an endpoint of one's own says when nobody has set anything: MinIO, versitygw and most others. */
const USUAL_REGION = 'us-east-1'

const isBadSegment = (segment: string): boolean => segment === '' || segment === '.' || segment === '..'

/** @throws StoreError where a key could leave the store or name a folder. */
export const checkKey = (key: string): void => {
  if (!key.split('/').some(isBadSegment)) return
  throw new StoreError('refused', `expected a key as table=…/part-0.parquet, got ${key}`)
}

const endpointOf = (text: string | null): string | undefined => {
  if (text === null) return undefined
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) throw new Error(`expected an http(s) endpoint, got ${text}`)
  if (url.username !== '' || url.password !== '') throw new Error('an endpoint must not hold credentials')
  return url.origin
}

const isPathStyleOf = (style: string | null, endpoint: string | undefined): boolean | undefined => {
  if (style === null) return endpoint === undefined ? undefined : true
  if (style !== 'path' && style !== 'host') throw new Error(`expected style=path or style=host, got ${style}`)
  return style === 'path'
}

const toPrefix = (path: string): string => {
  const segments = decodeURIComponent(path)
    .split('/')
    .filter((segment) => segment !== '')
  if (segments.some(isBadSegment)) throw new Error(`expected a prefix without . and .., got ${path}`)
  return segments.map((segment) => `${segment}/`).join('')
}

const toS3Place = (url: URL): S3Place => {
  if (url.username !== '' || url.password !== '') {
    throw new Error('credentials do not belong in the address: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY')
  }
  const unknown = [...url.searchParams.keys()].find((name) => !PARAMETERS.has(name))
  if (unknown !== undefined) throw new Error(`${EXPECTED}, got the parameter ${unknown}`)
  if (url.host === '') throw new Error(`${EXPECTED}, got no bucket`)
  const endpoint = endpointOf(url.searchParams.get('endpoint'))
  const region = url.searchParams.get('region') ?? (endpoint === undefined ? undefined : USUAL_REGION)
  const isPathStyle = isPathStyleOf(url.searchParams.get('style'), endpoint)
  return { type: 's3', bucket: url.host, prefix: toPrefix(url.pathname), endpoint, region, isPathStyle }
}

/** @throws Error that says what was expected. Secrets of the text are not repeated. */
export const parseStoreUrl = (text: string): StorePlace => {
  const url = URL.canParse(text) ? new URL(text) : undefined
  switch (url?.protocol) {
    case 's3:':
      return toS3Place(url)
    case 'file:':
      if (url.host !== '' || url.search !== '') throw new Error(`${EXPECTED}: three slashes before the folder`)
      return { type: 'file', folder: fileURLToPath(url) }
    case undefined:
      throw new Error(EXPECTED)
    default:
      throw new Error(`${EXPECTED}, got ${url?.protocol}`)
  }
}
