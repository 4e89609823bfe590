/** SQLSTATE classes and codes after which the same transaction may succeed: connection, shutdown, deadlock, load. */
const RETRYABLE_STATES = /^(08|53|57P|40|55P03|25006)/
const RETRYABLE_ERRNOS: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
])
const CLIENT_MESSAGES = /Connection terminated|timeout exceeded when trying to connect|Client has encountered/

const codeOf = (error: Error): string => ('code' in error && typeof error.code === 'string' ? error.code : '')

/** True where the database was unreachable, shutting down, starting, or chose this transaction as a victim. */
export const isRetryable = (error: unknown): boolean => {
  if (error instanceof AggregateError) return error.errors.some(isRetryable)
  if (!(error instanceof Error)) return false
  const code = codeOf(error)
  return RETRYABLE_STATES.test(code) || RETRYABLE_ERRNOS.has(code) || CLIENT_MESSAGES.test(error.message)
}
