-- Uploads. What a name holds is a file of the disk called after `id`, which is another one with each upload: this row
-- alone says which of them is the file.
CREATE TABLE _files (
  path         TEXT PRIMARY KEY NOT NULL,
  id           TEXT NOT NULL,
  size         INTEGER NOT NULL,
  sha256       TEXT NOT NULL,
  content_type TEXT NOT NULL,
  created_at   INTEGER NOT NULL,
  created_by   TEXT NOT NULL,
  updated_at   INTEGER NOT NULL,
  updated_by   TEXT NOT NULL
);

-- One row: how many there are and how many bytes they have, so that nobody has to add them up.
CREATE TABLE _files_total (
  id    INTEGER PRIMARY KEY CHECK (id = 1),
  files INTEGER NOT NULL,
  bytes INTEGER NOT NULL
);
INSERT INTO _files_total (id, files, bytes) VALUES (1, 0, 0);
