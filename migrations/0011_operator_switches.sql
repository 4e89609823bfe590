-- Up Migration

create table operator_switches (
  name       text primary key,
  state      text not null check (state in ('active', 'paused')),
  generation bigint not null,
  changed_at timestamptz not null
);
comment on table operator_switches is
  'What an operator switched for the system as a whole; a name without a row is active. Redis holds a copy for the feeds.';
comment on column operator_switches.name is 'everything: paused = no market brings frames, whatever is desired of each.';
comment on column operator_switches.generation is 'Rises with every turn; epoch ms where the clock allows.';
