-- Letters that an act makes necessary, noted in the transaction of the act: what was rolled back sends none, what is on
-- disk sends its own. They are written out and mailed after that; the row stays for a while without its content, so
-- that one fact is told once. One that cannot be written is tried again later and holds up no other.
CREATE TABLE letters (
  id         TEXT PRIMARY KEY,               -- UUIDv7: letters of one tenant go in that order
  fact       TEXT NOT NULL UNIQUE,           -- what it tells, such as `invoice_final <id>`
  tenant_id  TEXT NOT NULL,                  -- that it is about; empty for one about an account
  recipient  TEXT NOT NULL,                  -- `money`, `billing`, `owners`, the id of an identity, or an address
  content    TEXT NOT NULL,                  -- JSON: which letter, and what stands in it
  posted_at  INTEGER NOT NULL,
  written_at INTEGER,                        -- or given up
  attempts   INTEGER NOT NULL DEFAULT 0,     -- how often it could not be written
  next_at    INTEGER NOT NULL DEFAULT 0,     -- not to be tried before that
  given_up   TEXT                            -- why nobody tries any more; the content stays then
);
CREATE INDEX letters_waiting ON letters (tenant_id, next_at, id) WHERE written_at IS NULL;
-- Whose end is told of before it comes.
CREATE INDEX subscriptions_on_trial ON subscriptions (trial_end) WHERE status = 'trialing';
CREATE INDEX letters_written ON letters (written_at) WHERE written_at IS NOT NULL;
