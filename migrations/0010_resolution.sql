-- Up Migration

alter table markets add column resolution_source text check (resolution_source in ('market_resolved', 'gamma'));
comment on column markets.resolution_source is
  'market_resolved: the broadcast said so, the payouts of the outcomes are provisional; gamma: final. Null while open.';
comment on column markets.resolved_at is
  'The venue''s time of the resolution, as it was first told: the broadcast''s timestamp, or Gamma''s closedTime.';
comment on column markets.status is
  'closed: no more trading, the payouts are not known yet; resolved: they are, and it is never taken back.';
update markets set resolution_source = 'market_resolved' where status = 'resolved';
create index markets_provisional on markets (resolved_at) where resolution_source = 'market_resolved';

alter table outcomes add column payout numeric(18, 6) check (payout between 0 and 1);
comment on column outcomes.payout is
  'What a share of it is worth after the resolution, 0 to 1, not always 1 or 0; null while it is not known.';
