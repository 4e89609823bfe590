-- Up Migration

create table archives (
  archive_id        bigint generated always as identity primary key,
  table_name        text not null,
  day               date not null,
  part              smallint not null check (part >= 0),
  object_key        text not null,
  bytes             bigint not null check (bytes > 0),
  rows              bigint not null check (rows >= 0),
  checksum          numeric(40) not null,
  sha256            text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  first_captured_at timestamptz,
  last_captured_at  timestamptz,
  versions          jsonb not null,
  sealed_at         timestamptz check ((sealed_at is not null) = (part = 0)),
  proved_at         timestamptz not null default now(),
  dropped_at        timestamptz check (dropped_at >= proved_at),
  restored_at       timestamptz check (restored_at >= proved_at),
  created_at        timestamptz not null default now(),
  unique (table_name, day, part)
);
comment on table archives is
  'The manifest of the archive: one row for each Parquet object, written once the object was read back and found equal to its '
  'rows in Postgres.';
comment on column archives.part is
  '0: the partition of the UTC day. 1 and on: rows that came after it was sealed (order_books_later).';
comment on column archives.object_key is 'Below ARCHIVE_URL: table=order_books/date=2026-10-01/part-0.parquet.';
comment on column archives.checksum is
  'Sum over the rows of the first 60 bits of the MD5 of their canonical text (ARCHITECTURE.md): the same in Postgres and over '
  'the object, in any order of rows.';
comment on column archives.versions is 'What wrote it: format of the object and of the checksum, DuckDB, Postgres.';
comment on column archives.sealed_at is
  'The seal of the partition under which it was read. Under another seal the proof does not stand.';
comment on column archives.dropped_at is
  'Since when the rows are in the object alone, of part 0 in one transaction with the drop of the partition. Null: they are '
  'in Postgres too, which is where they are read.';
comment on column archives.restored_at is 'When the day was brought back to Postgres: the object is read no more. Null again once it is archived anew.';

create table archive_objects (
  object_key  text primary key,
  table_name  text not null,
  day         date not null,
  named_at    timestamptz not null default now(),
  replaced_at timestamptz,
  doubted_at  timestamptz
);
comment on table archive_objects is
  'Objects that this database wrote below ARCHIVE_URL or is about to: committed before the upload begins. One that is there and '
  'that neither this nor archives names is another database''s, and is not replaced.';
comment on column archive_objects.replaced_at is 'Since when nobody reads it: it is removed, and then this row. Null: it is read, or being written.';
comment on column archive_objects.doubted_at is
  'When it was first found to be another than was proved, with its rows still in Postgres: it was written and proved anew. Found so '
  'again, it is left for people to look at.';
