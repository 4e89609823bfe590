-- Up Migration

-- A rule may be written before its market is known: it is marked with the reason, and active once the market is recorded.
alter table alerts drop constraint alerts_market_id_fkey;
alter table alerts
  add column outcome_index  smallint not null default 0,
  add column "window"       interval,
  add column side           text,
  add column within         numeric(18, 6),
  add column hysteresis     numeric(24, 6) not null default 0,
  add column cooldown       interval not null default '0',
  add column webhook_url    text,
  add column changed_at     timestamptz not null default now(),
  add column changed_xid    xid8 not null default pg_current_xact_id(),
  add column checked_at     timestamptz,
  add column invalid_reason text,
  add constraint alerts_lengths check (
    length(user_id) <= 200 and length(market_id) <= 200 and length(condition) <= 200 and length(side) <= 200
    and length(status) <= 200 and length(webhook_url) <= 2000);
comment on table alerts is
  'Rules that users write. A rule is evaluated while status is active and invalid_reason is null; a new or changed one '
  'within 5 s. Its state is in alert_states, what it fired in alert_events. Nothing that polytape commits waits for a lock here.';
comment on column alerts.condition is
  'price_above, price_below: the mid of the best bid and ask. spread_above: best ask minus best bid. move_pct: the mid moved '
  'by so many percent, up or down, from its lowest or highest within the window. depth_below: shares within the distance '
  '"within" of the best price. trade_size_above: shares of one trade. resolved, feed_stale: of the market. Above and below are '
  'strict; move_pct includes the threshold.';
comment on column alerts.outcome_index is 'Which outcome of the market, from 0.';
comment on column alerts.threshold is 'A price or spread (0 to 1), percent, or shares; null for resolved and feed_stale.';
comment on column alerts."window" is 'move_pct only: 1 s to 24 h.';
comment on column alerts.side is 'depth_below only: bid or ask; null: the thinner of both.';
comment on column alerts.within is 'depth_below only: distance from the best price of the side (0 to 1); null: the whole side.';
comment on column alerts.hysteresis is
  'Fired once, the condition must be false by so much, in the unit of the threshold, before it may fire again.';
comment on column alerts.cooldown is
  'After it fired it does not fire for so long; a condition that then holds, or still holds, fires. By the receive clock.';
comment on column alerts.webhook_url is 'Where it is posted, http or https; null: channel and log only.';
comment on column alerts.status is 'active or paused; a paused rule keeps its state.';
comment on column alerts.changed_xid is 'Transaction of the last change of the rule: how changes are found without missing one.';
comment on column alerts.checked_at is 'When the rule, as it is written now, was taken up; null: not yet, or its market is not recorded.';
comment on column alerts.invalid_reason is 'Why it is not evaluated: what was expected and what is there. Null: it is valid.';
create index alerts_market on alerts (market_id);
create index alerts_changed on alerts (changed_xid);
create index alerts_unchecked on alerts (alert_id) where checked_at is null;
create index alerts_of_markets on alerts (market_id) where condition in ('resolved', 'feed_stale');

create table alert_removals (
  alert_id    bigint primary key,
  removed_at  timestamptz not null default now(),
  changed_xid xid8 not null default pg_current_xact_id()
);
comment on table alert_removals is 'Rules that were deleted in the last days, so that whoever evaluates them learns of it.';
create index alert_removals_changed on alert_removals (changed_xid);

create function note_alert_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and new.market_id <> old.market_id then
    raise exception 'a rule stays with its market: delete it and write one for market %', new.market_id;
  end if;
  -- A rule that is written again as it is goes on as it stands.
  if tg_op = 'UPDATE' and (new.user_id, new.outcome_index, new.condition, new.threshold, new."window", new.side, new.within,
      new.hysteresis, new.cooldown, new.webhook_url, new.status)
    is not distinct from (old.user_id, old.outcome_index, old.condition, old.threshold, old."window", old.side, old.within,
      old.hysteresis, old.cooldown, old.webhook_url, old.status) then
    return new;
  end if;
  new.changed_at = now();
  new.changed_xid = pg_current_xact_id();
  new.checked_at = null;
  new.invalid_reason = null;
  return new;
end $$;
create trigger alerts_changed before insert or update of user_id, market_id, outcome_index, condition, threshold, "window", side,
  within, hysteresis, cooldown, webhook_url, status on alerts for each row execute function note_alert_change();

-- Whoever may delete a rule need not be able to write here.
create function note_alert_removal() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
  insert into alert_removals (alert_id) values (old.alert_id) on conflict do nothing;
  return null;
end $$;
create trigger alerts_removed after delete on alerts for each row execute function note_alert_removal();

create table alert_states (
  alert_id      bigint primary key,
  state         text not null check (state in ('armed', 'fired')),
  crossing      integer not null check (crossing >= 0),
  last_fired_at timestamptz,
  changed_at    timestamptz not null
);
comment on table alert_states is
  'Where each rule stands, written in the transaction of the frames that moved it. Apart from alerts, so that a user who holds '
  'a lock on a rule holds up no commit. No row: armed, never fired.';
comment on column alert_states.state is 'armed: fires when the condition holds; fired: waits until it is false again.';
comment on column alert_states.crossing is 'How often it has fired: number of its last row in alert_events.';

create table alert_events (
  event_id        bigint generated always as identity primary key,
  alert_id        bigint not null,
  crossing        integer not null,
  idempotency_key text not null unique generated always as ('alert:' || alert_id::text || ':' || crossing::text) stored,
  cause           text,
  user_id         text not null,
  market_id       text not null,
  outcome_id      text,
  condition       text not null,
  value           numeric(24, 6),
  threshold       numeric(24, 6),
  source_ts       timestamptz,
  captured_at     timestamptz not null,
  triggered_at    timestamptz not null,
  recorded_at     timestamptz not null default now(),
  webhook_url     text,
  webhook_host    text generated always as (
    case when webhook_url is not null
      then left(coalesce(lower(substring(webhook_url from '^\w+://(\[[^]]*\]|[^/?#:@\\]*)')), ''), 255) end) stored,
  delivery        text not null default 'pending' check (delivery in ('pending', 'started', 'delivered', 'given_up')),
  started_at      timestamptz,
  finished_at     timestamptz,
  attempts        integer not null default 0,
  last_error      text,
  unique (alert_id, crossing),
  unique (alert_id, cause)
);
comment on table alert_events is
  'Each crossing of each rule, once, in the transaction of the frames that caused it; kept when the rule is deleted, for 90 days.';
comment on column alert_events.cause is 'trade_size_above: the fill; a copy of it that another connection brings fires nothing.';
comment on column alert_events.value is 'What was compared with the threshold; of move_pct negative for a fall.';
comment on column alert_events.source_ts is 'The venue''s time of the state or trade; null where it says none.';
comment on column alert_events.captured_at is 'Receive time of the frame that made the condition true; of resolved and feed_stale when it was found in Postgres.';
comment on column alert_events.triggered_at is 'When the normalizer saw that it holds.';
comment on column alert_events.delivery is
  'pending: nobody delivers it yet; started: a workflow alert:<event_id> does; given_up: last_error says why.';
comment on column alert_events.webhook_host is 'Whose places a delivery takes: its name, without the port.';
create index alert_events_pending on alert_events (recorded_at) where delivery = 'pending';
create index alert_events_logged on alert_events (event_id) where delivery = 'pending' and webhook_url is null;
create index alert_events_hosts on alert_events (webhook_host, event_id) where delivery = 'pending' and webhook_host is not null;
create index alert_events_started on alert_events (webhook_host) where delivery = 'started';
create index alert_events_trades on alert_events (market_id, recorded_at) where cause is not null;
create index alert_events_finished on alert_events (recorded_at) where delivery in ('delivered', 'given_up');

create view alert_rules as
select a.alert_id, a.user_id, a.market_id, a.outcome_index, a.condition, a.threshold, a.status, a.checked_at, a.invalid_reason,
  coalesce(s.state, 'armed') as state, coalesce(s.crossing, 0) as crossing, s.last_fired_at
from alerts a left join alert_states s using (alert_id);
comment on view alert_rules is 'Rules with where they stand.';
