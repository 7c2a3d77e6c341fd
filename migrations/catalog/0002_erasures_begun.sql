-- What an erasure was going to remove, written down before it began: one that is cut off and taken up again has less left
-- to count, and its receipt says what there was. Gone with the receipt.
CREATE TABLE erasures_begun (
  tenant_id TEXT PRIMARY KEY REFERENCES tenants (id),
  begun_at  INTEGER NOT NULL,
  stores    TEXT NOT NULL                      -- JSON: which stores, and how many files of each
);
