/** The Prometheus that is chosen at the top of a dashboard: the same files serve any Grafana. */
export const SOURCE = { type: 'prometheus', uid: '${datasource}' }
