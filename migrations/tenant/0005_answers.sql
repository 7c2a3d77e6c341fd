-- Answers to requests that are not about records are kept too, beside the others: a key is used once whatever for. What
-- is thrown away here was kept for a day at most.
DROP TABLE _idempotency;
CREATE TABLE _idempotency (
  id         INTEGER PRIMARY KEY,
  actor      TEXT NOT NULL,     -- nobody is answered with what another was told
  key        TEXT NOT NULL,
  request    TEXT NOT NULL,     -- digest of route and body: the key of another request is refused
  viewpoint  TEXT NOT NULL DEFAULT '',    -- digest of what the actor could see when it was answered
  created    INTEGER NOT NULL DEFAULT 0,  -- whether it was 201
  record_key TEXT,              -- the record's key as it stands in a path
  etag       TEXT,
  status     INTEGER,           -- of an answer that is not about records; 0 while it is being given
  location   TEXT,
  body       BLOB,              -- NULL if it was too long to keep, or holds what is shown once
  created_at INTEGER NOT NULL,
  UNIQUE (actor, key)
);
