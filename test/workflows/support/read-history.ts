import { createRequire } from 'node:module'
import type { History } from '@temporalio/common/lib/proto-utils.js'

type ProtoJson = { fromJson(type: unknown, json: unknown, options: object): History }
type Patch = { patchProtobufRoot(root: unknown): { lookupType(name: string): unknown } }

const ofWorker = createRequire(createRequire(import.meta.url).resolve('@temporalio/worker'))
const ofProto = createRequire(ofWorker.resolve('@temporalio/proto'))

/**
 * A history as `temporal workflow show --output json` writes it. The SDK's own reader compares classes of two installed
 * copies of protobufjs ("type must be a Type"); this takes the copy that made the types.
 */
export const readHistory = (text: string): History => {
  const protoJson = ofProto('protobufjs/ext/protojson') as ProtoJson
  const patch = ofProto('@temporalio/proto/lib/patch-protobuf-root') as Patch
  const type = patch.patchProtobufRoot(ofProto('@temporalio/proto')).lookupType('temporal.api.history.v1.History')
  return protoJson.fromJson(type, JSON.parse(text), { ignoreUnknownFields: true })
}
