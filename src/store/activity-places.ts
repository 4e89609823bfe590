import type { ClientBase } from 'pg'
import type { ActivityRow } from '../normalizer/activity-row.ts'
import type { DeadLetter, Reprocessed } from '../normalizer/batch.ts'

/** Activities in known markets, and what is to be noted of the others, and of dead letters on their second way. */
export type PlacedActivities = { activities: ActivityRow[]; deadLetters: DeadLetter[]; reprocessed: Reprocessed[] }

const MARKETS = 'select condition_id, min(market_id) as market_id from markets where condition_id = any($1) group by 1'

/** A conversion concerns several markets and names none of them that could be missing. */
const isPlaced = ({ activity, marketId }: ActivityRow): boolean =>
  marketId !== undefined || activity.type === 'conversion'

const toReprocessed = (deadLetterId: number, row: ActivityRow): Reprocessed => {
  const { type, sizeText, wallet, conditionId } = row.activity
  return isPlaced(row)
    ? { deadLetterId, result: 'applied', detail: `${type} of ${sizeText} by ${wallet}` }
    : { deadLetterId, result: 'rejected', detail: `condition "${conditionId}" is no known market` }
}

/** Finds the markets of activities, as `placeTrades` does those of trades. */
export const placeActivities = async (client: ClientBase, rows: ActivityRow[]): Promise<PlacedActivities> => {
  const placed: PlacedActivities = { activities: [], deadLetters: [], reprocessed: [] }
  if (rows.length === 0) return placed
  const conditionIds = [...new Set(rows.map(({ activity }) => activity.conditionId))]
  const found = await client.query<{ condition_id: string; market_id: string }>(MARKETS, [conditionIds])
  const markets = new Map(found.rows.map((row) => [row.condition_id, row.market_id]))
  for (const given of rows) {
    const row = { ...given, marketId: markets.get(given.activity.conditionId) }
    const { origin } = row
    if (origin.type === 'dead_letter') placed.reprocessed.push(toReprocessed(origin.deadLetterId, row))
    if (isPlaced(row)) placed.activities.push(row)
    else if (origin.type === 'frame') placed.deadLetters.push(origin.letter)
  }
  return placed
}
