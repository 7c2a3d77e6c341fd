-- The tenant's final invoices, as the catalog has them. A catalog that was restored finds here what it issued since.
CREATE TABLE _invoices (
  id       TEXT PRIMARY KEY,
  number   TEXT NOT NULL UNIQUE,
  document TEXT NOT NULL,   -- canonical JSON
  digest   TEXT NOT NULL,   -- SHA-256 of it
  status   TEXT NOT NULL,
  closes   INTEGER NOT NULL,
  ended_at INTEGER          -- when it was paid, void or given up
);
