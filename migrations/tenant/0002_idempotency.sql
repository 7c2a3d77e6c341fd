-- Answers to writes that came with an Idempotency-Key, written in the transaction of the write itself. The id grows
-- with time, so that what is too old is found at the beginning without an index of its own.
CREATE TABLE _idempotency (
  id         INTEGER PRIMARY KEY,
  actor      TEXT NOT NULL,     -- nobody is answered with what another was told
  key        TEXT NOT NULL,
  request    TEXT NOT NULL,     -- digest of route and body: the key of another request is refused
  viewpoint  TEXT NOT NULL,     -- digest of what the actor could see when it was answered
  created    INTEGER NOT NULL,  -- whether it was 201
  record_key TEXT,              -- the record's key as it stands in a path
  etag       TEXT,
  body       BLOB,              -- NULL if it was too long to keep
  created_at INTEGER NOT NULL,
  UNIQUE (actor, key)
);
