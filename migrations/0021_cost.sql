-- Up Migration

create table cost_shed (
  name       text primary key check (name = 'budget'),
  tier       smallint not null check (tier between 0 and 3),
  levels     integer not null check (levels > 0),
  generation bigint not null,
  changed_at timestamptz not null,
  checked_at timestamptz not null,
  state      jsonb not null,
  estimate   jsonb
);
comment on table cost_shed is
  'What is shed of every market to stay within COST_BUDGET; no row: nothing. Redis holds a copy for the feeds. What was shed of '
  'a market, and when, is in feed_gaps (reason cost).';
comment on column cost_shed.tier is
  '0 nothing, 1 levels beyond the best few, 2 rows and ladders of books, 3 the books themselves.';
comment on column cost_shed.levels is 'Levels a side that are kept from tier 1 on.';
comment on column cost_shed.generation is 'Rises with every change of tier or levels; epoch ms where the clock allows.';
comment on column cost_shed.state is 'Of the control loop: smoothed rate, what each tier that was left had cost.';
comment on column cost_shed.estimate is 'The newest one: microdollars a month by part, and what 1,000 frames took.';
