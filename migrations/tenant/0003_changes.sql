-- What became of the records: one row per record and write, in the order of the commits (DESIGN 3).
--
-- The program gives seq: the last one plus one. The last row is never removed, so that no number is given twice.
CREATE TABLE _changes (
  seq        INTEGER PRIMARY KEY,
  at         INTEGER NOT NULL,
  op         TEXT NOT NULL,     -- create, update, delete; gap: what a migration did here is not told
  table_name TEXT NOT NULL,
  id         TEXT,              -- as a segment of a path; NULL where no path can name the record
  record     TEXT,              -- all columns, also those that nobody may read; NULL for a delete, or where it is too large
  actor      TEXT NOT NULL,
  bytes      INTEGER NOT NULL   -- of all rows up to this one
);

-- For the history of a record.
CREATE INDEX _changes_of_record ON _changes (table_name, id);

-- Changes up to this one are not told any more.
CREATE TABLE _changes_floor (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  seq      INTEGER NOT NULL
);
INSERT INTO _changes_floor (only_row, seq) VALUES (1, 0);
