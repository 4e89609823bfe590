import { S3ServiceException } from '@aws-sdk/client-s3'
import { StoreError, type StoreFault } from './object-store.ts'

/** Codes that say more than their status: AWS's list, and what MinIO, R2 and versitygw answer. */
const FAULTS: Record<string, StoreFault> = {
  NoSuchKey: 'missing',
  NotFound: 'missing',
  NoSuchBucket: 'refused',
  PermanentRedirect: 'refused',
  AuthorizationHeaderMalformed: 'refused',
  RequestTimeTooSkewed: 'denied',
  // versitygw's name for an unknown key, with the status 404.
  XAdminUserNotFound: 'denied',
  // What was sent did not arrive as it was: the next try sends it again.
  BadDigest: 'damaged',
  IncompleteBody: 'damaged',
  XAmzContentSHA256Mismatch: 'damaged',
  InvalidDigest: 'damaged',
  // The upload was given up meanwhile, or its object replaced: the next try begins anew.
  NoSuchUpload: 'damaged',
  InvalidPart: 'damaged',
  PreconditionFailed: 'damaged',
  RequestTimeout: 'unreachable',
  SlowDown: 'unreachable',
  XMinioStorageFull: 'full',
  QuotaExceeded: 'full',
}

const REMEDIES: Record<string, string> = {
  NoSuchBucket: 'make the bucket, or correct ARCHIVE_URL',
  PermanentRedirect: 'the bucket lies in another region: add region=… to ARCHIVE_URL',
  AuthorizationHeaderMalformed: 'the bucket lies in another region: add region=… to ARCHIVE_URL',
  RequestTimeTooSkewed: 'the clock of this machine is wrong',
  XAdminUserNotFound: 'the store does not know this AWS_ACCESS_KEY_ID',
  InvalidAccessKeyId: 'the store does not know this AWS_ACCESS_KEY_ID',
  SignatureDoesNotMatch: 'AWS_SECRET_ACCESS_KEY does not fit AWS_ACCESS_KEY_ID',
}
const DENIED = 'the credentials need the rights that RUNBOOK.md lists for the bucket'
const NO_CREDENTIALS = 'set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or give this machine a role'

const faultOfStatus = (status: number): StoreFault => {
  if (status === 404) return 'missing'
  if (status === 401 || status === 403) return 'denied'
  return status >= 500 || status === 408 || status === 429 ? 'unreachable' : 'refused'
}

const ofService = (error: S3ServiceException, what: string): StoreError => {
  const status = error.$metadata.httpStatusCode ?? 0
  const fault = FAULTS[error.name] ?? (status < 300 ? 'unreachable' : faultOfStatus(status))
  const remedy = REMEDIES[error.name] ?? (fault === 'denied' ? DENIED : undefined)
  const said = `${what}: ${error.name} (${status}) ${error.message}`.trim()
  return new StoreError(fault, remedy === undefined ? said : `${said}; ${remedy}`, error.name)
}

/** Names of errors that no network or server made, and that trying again does not mend. */
const isOurMistake = (error: Error): boolean => error instanceof TypeError || error instanceof RangeError

/**
 * What the SDK threw, as the caller may judge it. Whatever is no answer of the store and not ours counts as a lost
 * connection: the SDK has no class for it.
 */
export const toStoreError = (error: unknown, what: string): unknown => {
  if (!(error instanceof Error) || error instanceof StoreError || isOurMistake(error)) return error
  if (error instanceof S3ServiceException) return ofService(error, what)
  if (error.name === 'CredentialsProviderError') {
    return new StoreError('denied', `${what}: ${error.message}; ${NO_CREDENTIALS}`)
  }
  if (error.message.startsWith('Region is missing')) {
    return new StoreError('refused', `${what}: no region; set AWS_REGION or add region=… to ARCHIVE_URL`)
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name
  return new StoreError('unreachable', `${what}: ${error.message || code}`, code)
}
