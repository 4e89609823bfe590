import { ApplicationFailure } from '@temporalio/common'
import { StoreError } from '../archive/store/object-store.ts'

/** What no further try would change ends the step: somebody must look at credentials or the address. */
export const toFailure = (error: unknown): unknown =>
  error instanceof StoreError && !error.retryable && error.fault !== 'missing'
    ? ApplicationFailure.nonRetryable(error.message, `store_${error.fault}`)
    : error
