-- Up Migration

create table feed_alerts (
  alert_id      bigint generated always as identity primary key,
  kind          text not null,
  subject       text not null,
  reason        text not null,
  detail        text not null,
  raised_at     timestamptz not null default now(),
  recovered_at  timestamptz,
  markets_count integer not null default 0,
  last_step     text check (last_step in ('resync', 'move', 'reconnect', 'page')),
  stepped_at    timestamptz,
  steps_taken   integer not null default 0
);
comment on table feed_alerts is
  'Episodes in which a feed, connection, shard or poller missed its heartbeats. One open row a subject.';
comment on column feed_alerts.subject is
  'feed:<group>:<replica>, connection:<group>:<replica>:<place>, liveness:…, applied:…, normalizer:<shard>, catalog:…, redis:…';
comment on column feed_alerts.last_step is 'What was tried last: resync, move, reconnect, page. Null: nothing was tried.';
comment on column feed_alerts.markets_count is 'Markets whose books may be wrong, as of the last check.';
create unique index feed_alerts_open on feed_alerts (subject) where recovered_at is null;
create index feed_alerts_recovered on feed_alerts (recovered_at) where recovered_at is not null;

create table feed_alert_notices (
  alert_id     bigint not null references feed_alerts on delete cascade,
  state        text not null check (state in ('raised', 'paged', 'recovered')),
  due_at       timestamptz not null default now(),
  started_at   timestamptz,
  delivered_at timestamptz,
  gave_up_at   timestamptz,
  primary key (alert_id, state)
);
comment on table feed_alert_notices is 'What people were told of an alert: each once, in order.';
comment on column feed_alert_notices.delivered_at is
  'When the webhook had answered 2xx; without a webhook, when it was logged.';
create index feed_alert_notices_open on feed_alert_notices (alert_id) where delivered_at is null and gave_up_at is null;

create table feed_alert_markets (
  alert_id          bigint not null references feed_alerts on delete cascade,
  market_id         text not null,
  joined_at         timestamptz not null default now(),
  left_at           timestamptz,
  told_raised_at    timestamptz,
  told_recovered_at timestamptz,
  primary key (alert_id, market_id)
);
comment on table feed_alert_markets is 'Markets that an alert concerned, and when their workflows were told.';
create index feed_alert_markets_untold on feed_alert_markets (alert_id)
  where (told_raised_at is null and left_at is null) or (told_raised_at is not null and left_at is not null and told_recovered_at is null);
