/** What a pass over pages saw, against what its pages promised. */
export type PageCount = {
  pages: number
  /** A page that names a next one promises to be full. */
  promised: number
  /** Different items. */
  seen: number
  repeated: number
  /** Pages that promised more than they held. */
  short: number
  /** Ended by a cursor that came twice, or by the limit: what follows is unknown. */
  isCut: boolean
}

export type PageProgress = PageCount & { cursor: string | undefined }

const NO_PAGES: PageProgress = {
  pages: 0,
  promised: 0,
  seen: 0,
  repeated: 0,
  short: 0,
  isCut: false,
  cursor: undefined,
}

type Page<T> = { items: T[]; nextCursor: string | undefined }

type Paging<T> = {
  read: (cursor: string | undefined) => Promise<Page<T>>
  /** Items that a page holds at most. */
  limit: number
  /** Against a venue whose pages never end. */
  mostPages: number
  /** Where an earlier attempt stood. */
  from?: PageProgress
  /** Takes a page's items; `enough` ends the pass. */
  take: (items: T[], progress: PageProgress) => Promise<'enough' | 'more'>
}

const idOf = (item: unknown): string | undefined =>
  typeof item === 'object' && item !== null && 'id' in item ? String(item.id) : undefined

const countPage = (before: PageProgress, page: Page<unknown>, limit: number, ids: Set<string>): PageProgress => {
  const size = page.items.length
  const known = ids.size
  for (const item of page.items) ids.add(idOf(item) ?? `nameless ${ids.size}`)
  const fresh = ids.size - known
  const promised = page.nextCursor === undefined ? size : Math.max(limit, size)
  return {
    pages: before.pages + 1,
    promised: before.promised + promised,
    seen: before.seen + fresh,
    repeated: before.repeated + size - fresh,
    short: before.short + (size < promised ? 1 : 0),
    isCut: before.isCut,
    cursor: page.nextCursor,
  }
}

/** Reads pages by cursor to their end, or to `enough`, and counts. `ids` are those of this attempt. */
export const readPages = async <T>({
  read,
  limit,
  mostPages,
  from,
  take,
}: Paging<T>): Promise<{ count: PageCount; ids: Set<string> }> => {
  const ids = new Set<string>()
  const cursors = new Set<string>()
  let progress = from ?? NO_PAGES
  for (;;) {
    if (progress.cursor !== undefined) cursors.add(progress.cursor)
    const page = await read(progress.cursor)
    progress = countPage(progress, page, limit, ids)
    const outcome = await take(page.items, progress)
    if (outcome === 'enough' || progress.cursor === undefined) break
    if (cursors.has(progress.cursor) || progress.pages >= mostPages) {
      progress = { ...progress, isCut: true }
      break
    }
  }
  const { cursor: _, ...count } = progress
  return { count, ids }
}
