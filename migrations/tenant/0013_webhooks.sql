-- Where the tenant has events sent. The secrets stand here as they are, as what is sent is signed with them: no export
-- and no statement of the SQL console reads tables of this kind.
CREATE TABLE _webhook_endpoints (
  id              TEXT PRIMARY KEY NOT NULL,
  url             TEXT NOT NULL,
  description     TEXT NOT NULL,
  events          TEXT NOT NULL,              -- names of types, with a blank between
  reads_as        TEXT,                       -- the role whose lines of app.toml say which tables it is told of
  permissions     TEXT NOT NULL,              -- what whoever had that could do, names with a blank between
  reads_records   INTEGER NOT NULL,           -- whether no bound of an API key kept them from records
  maker           TEXT NOT NULL,              -- who that was: what they may no longer know is not sent
  terms           INTEGER NOT NULL DEFAULT 1, -- counted up when it goes elsewhere, or for somebody who may know less
  withheld        INTEGER NOT NULL DEFAULT 0, -- events that were not sent for either reason
  secret          TEXT NOT NULL,
  old_secret      TEXT,                       -- signs too, until
  old_until       INTEGER,
  status          TEXT NOT NULL,              -- enabled, disabled
  disabled_reason TEXT,                       -- by_hand, gone, failing, maker_gone
  failing_since   INTEGER,                    -- without any success since
  notice_due      INTEGER NOT NULL DEFAULT 0, -- whether the owners are to be told that it was disabled
  seen            INTEGER NOT NULL,           -- the last change that was looked at for it
  missed          INTEGER NOT NULL DEFAULT 0, -- changes that were not kept long enough
  created_by      TEXT NOT NULL,
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL
);

-- One event on its way to one endpoint, once.
CREATE TABLE _webhook_deliveries (
  number      INTEGER PRIMARY KEY,
  id          TEXT NOT NULL UNIQUE,
  endpoint_id TEXT NOT NULL REFERENCES _webhook_endpoints (id) ON DELETE CASCADE,
  event_id    TEXT NOT NULL,
  type        TEXT NOT NULL,
  table_name  TEXT,                           -- of events of records
  terms       INTEGER NOT NULL,               -- those of the endpoint as it was made
  body        TEXT NOT NULL,                  -- as it is sent
  status      TEXT NOT NULL,                  -- pending, delivered, failed, withheld
  attempts    INTEGER NOT NULL DEFAULT 0,     -- since it was last replayed
  next_at     INTEGER,                        -- of one that is pending
  created_at  INTEGER NOT NULL,
  ended_at    INTEGER,
  UNIQUE (endpoint_id, event_id)
);
CREATE INDEX _webhook_deliveries_of ON _webhook_deliveries (endpoint_id, number);
CREATE INDEX _webhook_deliveries_pending ON _webhook_deliveries (endpoint_id, next_at, number) WHERE status = 'pending';
CREATE INDEX _webhook_deliveries_ended ON _webhook_deliveries (endpoint_id, ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE _webhook_attempts (
  delivery    INTEGER NOT NULL REFERENCES _webhook_deliveries (number) ON DELETE CASCADE,
  number      INTEGER NOT NULL,
  at          INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  status      INTEGER,
  response    TEXT,                           -- the beginning of the body
  error       TEXT,
  PRIMARY KEY (delivery, number)
);
