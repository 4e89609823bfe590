import type { Route } from './server.ts'

/** `GET /metrics` in the text format that `contentType` names. */
export const metricsRoute = (page: () => Promise<string>, contentType: string): Route => ({
  method: 'GET',
  path: '/metrics',
  answer: async () => ({ status: 200, body: await page(), headers: { 'content-type': contentType } }),
})
