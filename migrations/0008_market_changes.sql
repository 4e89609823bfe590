-- Up Migration

create table market_changes (
  market_id       text not null,
  valid_from      timestamptz not null,
  valid_to        timestamptz check (valid_to > valid_from),
  source          text not null check (source in ('gamma', 'new_market', 'tick_size_change', 'market_resolved')),
  source_ts       timestamptz,
  condition_id    text,
  slug            text,
  question        text,
  status          text check (status in ('active', 'closed', 'resolved')),
  tick_size       numeric(18, 6),
  gamma_tick_size numeric(18, 6),
  min_order_size  numeric(24, 6),
  neg_risk        boolean,
  fee_bps         numeric(10, 4),
  end_ts          timestamptz,
  version         text,
  event_slug      text,
  tags            text[],
  primary key (market_id, valid_from)
);
comment on table market_changes is
  'What was known of a market, and when: one row a change, half-open spans [valid_from, valid_to) without a hole. Null is '
  'what nobody had said by then.';
comment on column market_changes.valid_from is
  'When it became known, by the receive clock: never the venue''s own time, so that a question about the past looks at '
  'nothing that came later. Changes received in the same instant are a microsecond apart.';
comment on column market_changes.valid_to is 'When the next change became known; null for what is known at present.';
comment on column market_changes.source is
  'Who said it: the catalogue (gamma), the broadcasts new_market and market_resolved, or tick_size_change of the market channel.';
comment on column market_changes.source_ts is 'The venue''s own time of it; null where it says none (gamma).';
comment on column market_changes.gamma_tick_size is
  'The last word of the catalogue. tick_size follows the market channel, which knows it first, until the catalogue says another one.';
comment on column market_changes.event_slug is 'As new_market announced it.';
comment on column market_changes.tags is 'Slugs of tags, as new_market announced them.';
create unique index market_changes_present on market_changes (market_id) where valid_to is null;

-- What was known before this table was: as of the newest write, since older values were not kept.
insert into market_changes (market_id, valid_from, source, condition_id, slug, question, status, tick_size, gamma_tick_size,
  min_order_size, neg_risk, fee_bps, end_ts, version)
select market_id, updated_at, 'gamma', condition_id, slug, question, status, tick_size, tick_size, min_order_size, neg_risk,
  fee_bps, end_ts, version
from markets;

create function market_at(market_id text, at timestamptz) returns setof market_changes language sql stable rows 1 as $$
  select c.* from market_changes c
  where c.market_id = market_at.market_id and c.valid_from <= market_at.at
    and (c.valid_to is null or c.valid_to > market_at.at)
$$;
comment on function market_at is 'What was known of a market at an instant: one row, or none before it was first seen.';
