-- Tables of which app.toml says who may read and write them.

CREATE TABLE clients (
  id           TEXT PRIMARY KEY,
  name         TEXT NOT NULL UNIQUE,
  -- Hidden.
  account_code TEXT UNIQUE,
  kind         TEXT NOT NULL DEFAULT 'company'
) STRICT;

CREATE TABLE salaries (
  id        TEXT PRIMARY KEY,
  person    TEXT NOT NULL,
  cents     INTEGER NOT NULL,
  -- Withheld tables refer to others and are referred to.
  client_id TEXT REFERENCES clients (id) ON DELETE RESTRICT
) STRICT;

CREATE TABLE jobs (
  id           TEXT PRIMARY KEY,
  number       INTEGER NOT NULL DEFAULT 7,
  title        TEXT NOT NULL,
  client_id    TEXT REFERENCES clients (id) ON DELETE RESTRICT,
  paid_from    TEXT REFERENCES salaries (id) ON DELETE RESTRICT,
  cents        INTEGER NOT NULL DEFAULT 100,
  -- Hidden, with every kind of rule.
  margin       INTEGER NOT NULL DEFAULT 10 CONSTRAINT margin_is_small CHECK (margin <= 50),
  margin_rate  INTEGER NOT NULL GENERATED ALWAYS AS (cents / nullif(margin - 10 + abs(cents), 0)) VIRTUAL,
  sponsor_code TEXT REFERENCES clients (account_code),
  created_by   TEXT NOT NULL,
  UNIQUE (title, margin),
  CONSTRAINT margin_within_cents CHECK (cents = 0 OR cents >= margin)
) STRICT;

CREATE TABLE notes (
  id     TEXT PRIMARY KEY ON CONFLICT REPLACE,
  body   TEXT NOT NULL,
  author TEXT NOT NULL
) STRICT;

CREATE TABLE rates (
  id      INTEGER PRIMARY KEY,
  percent REAL NOT NULL
) STRICT;
INSERT INTO rates (percent) VALUES (7), (19);

CREATE VIEW job_list AS SELECT id, title, margin FROM jobs;
