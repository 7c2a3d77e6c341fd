-- Answers to requests that came with an Idempotency-Key and are about no tenant; a tenant keeps its own in its file,
-- in a table of the same name: one piece of code reads both.
CREATE TABLE _idempotency (
  id         INTEGER PRIMARY KEY,  -- grows with time
  actor      TEXT NOT NULL,
  key        TEXT NOT NULL,
  request    TEXT NOT NULL,
  status     INTEGER,              -- 0 while it is being answered
  location   TEXT,
  body       BLOB,                 -- NULL if it holds what is shown once
  created_at INTEGER NOT NULL,
  UNIQUE (actor, key)
);
