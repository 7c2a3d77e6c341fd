-- Who sent each usage event: that one may take it back. Events of before have no sender. What is digested and chained is
-- what is billed; a sender is not part of it.
CREATE TABLE _usage_senders (
  id     INTEGER PRIMARY KEY,
  sender TEXT NOT NULL UNIQUE   -- identity:.., key:.., operator:.., system
);
CREATE TRIGGER _usage_senders_are_immutable BEFORE UPDATE ON _usage_senders
BEGIN
  SELECT RAISE(ABORT, 'who sent usage events cannot be changed');
END;
CREATE TRIGGER _usage_senders_stay BEFORE DELETE ON _usage_senders
BEGIN
  SELECT RAISE(ABORT, 'who sent usage events cannot be removed');
END;
ALTER TABLE _usage_events ADD COLUMN sender INTEGER;   -- _usage_senders.id

-- A window also says up to which event it counts: it is written now and then, and what came since is added. Of a meter that
-- Tenantry counts itself it is what was counted last, and is not made of events.
DROP TABLE _usage_windows;
CREATE TABLE _usage_windows (
  meter     TEXT NOT NULL,
  kind      TEXT NOT NULL,                -- limit, spend
  starts_at INTEGER NOT NULL,
  quantity  INTEGER NOT NULL,
  seq       INTEGER NOT NULL,             -- the last event in it
  PRIMARY KEY (meter, kind, starts_at)
) WITHOUT ROWID;
-- Whether a value is a new one is looked up with every event of a meter of different values.
CREATE INDEX _usage_values_by_value ON _usage_values (meter, value, starts_at);
