import { readFileSync } from 'node:fs'

export const PROMETHEUS_FOLDER = new URL('../../deploy/prometheus/', import.meta.url)

export type WrittenAlert = { name: string; text: string; anchor: string }

/** No YAML parser is among the packages: a rule is the text from one `alert:` to the next. */
export const writtenAlerts = (): WrittenAlert[] =>
  readFileSync(new URL('alerts.yml', PROMETHEUS_FOLDER), 'utf8')
    .split('- alert: ')
    .slice(1)
    .map((text) => ({
      name: text.split('\n', 1)[0] ?? '',
      text,
      anchor: /runbook_url: '\{\{ \$externalLabels\.runbook \}\}#(\S+)'/.exec(text)?.[1] ?? '',
    }))
