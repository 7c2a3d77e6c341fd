-- What was used: one row per event, in the order of the commits. It is the truth that invoices are made of (DESIGN 7).
CREATE TABLE _usage_events (
  seq             INTEGER PRIMARY KEY,    -- the program gives it: the last one plus one
  idempotency_key TEXT NOT NULL UNIQUE,   -- those that begin with _ are our own
  meter           TEXT NOT NULL,
  quantity        INTEGER NOT NULL,       -- in the meter's smallest unit; what takes an event back has less than nothing
  cost            INTEGER NOT NULL,       -- in millionths of a minor unit
  occurred_at     INTEGER NOT NULL,
  received_at     INTEGER NOT NULL,
  dated           INTEGER NOT NULL,       -- whether whoever sent it said when it occurred
  properties      TEXT,                   -- canonical JSON
  voids           INTEGER,                -- the event that it takes back
  chain           BLOB NOT NULL           -- SHA-256 of the chain before and this row
);
-- An event is taken back once.
CREATE UNIQUE INDEX _usage_events_voided ON _usage_events (voids) WHERE voids IS NOT NULL;
CREATE TRIGGER _usage_events_are_immutable BEFORE UPDATE ON _usage_events
BEGIN
  SELECT RAISE(ABORT, 'a usage event cannot be changed; void it and send another');
END;
CREATE TRIGGER _usage_events_stay BEFORE DELETE ON _usage_events
BEGIN
  SELECT RAISE(ABORT, 'a usage event cannot be removed; void it');
END;

-- What the events of a quarter of an hour come to: the day of every time zone begins with one. Made of the events alone:
-- it may be dropped and is made anew.
CREATE TABLE _usage_sums (
  meter     TEXT NOT NULL,
  starts_at INTEGER NOT NULL,
  quantity  INTEGER NOT NULL,             -- as the meter aggregates
  latest_at INTEGER NOT NULL,             -- when the last of them occurred
  cost      INTEGER NOT NULL,
  events    INTEGER NOT NULL,             -- without those taken back
  first_seq INTEGER NOT NULL,
  last_seq  INTEGER NOT NULL,
  PRIMARY KEY (meter, starts_at),
  -- Beyond 64 bits SQLite would go on with a number that is not exact.
  CHECK (typeof(quantity) = 'integer' AND typeof(cost) = 'integer')
) WITHOUT ROWID;

-- The different values in a quarter of an hour, of meters that count those. Derived too.
CREATE TABLE _usage_values (
  meter     TEXT NOT NULL,
  starts_at INTEGER NOT NULL,
  value     TEXT NOT NULL,
  PRIMARY KEY (meter, starts_at, value)
) WITHOUT ROWID;

-- How much of a limit is used, or of a priced meter in the open period. Derived, and begun anew with every change of what
-- the tenant may use.
CREATE TABLE _usage_windows (
  meter     TEXT NOT NULL,
  kind      TEXT NOT NULL,                -- limit, spend
  starts_at INTEGER NOT NULL,
  quantity  INTEGER NOT NULL,
  PRIMARY KEY (meter, kind, starts_at)
) WITHOUT ROWID;

-- Notices of limits, each once. They are told in the order of their numbers.
CREATE TABLE _usage_notices (
  id        INTEGER PRIMARY KEY,
  meter     TEXT NOT NULL,                -- empty of the spend cap
  window    TEXT NOT NULL,                -- hour, day, month, none, period
  starts_at INTEGER NOT NULL,
  threshold INTEGER NOT NULL,             -- percent
  used      TEXT NOT NULL,
  allowed   TEXT NOT NULL,
  at        INTEGER NOT NULL,
  told_at   INTEGER,
  UNIQUE (meter, window, starts_at, threshold, allowed)
);
CREATE INDEX _usage_notices_untold ON _usage_notices (id) WHERE told_at IS NULL;
