-- Who works, and on what. Names in quotes are deliberate: reserved words, blanks, capitals and letters beyond ASCII are
-- legal names in SQLite, and come with the tables that people bring.

CREATE TABLE people (
  id         TEXT PRIMARY KEY,                   -- a UUIDv7 where none is given
  handle     TEXT NOT NULL COLLATE NOCASE UNIQUE CHECK (handle NOT GLOB '*[^a-zA-Z0-9_-]*' AND handle <> ''),
  email      TEXT COLLATE NOCASE UNIQUE,
  -- To the same table. SET NULL: people stay when their manager goes.
  manager_id TEXT REFERENCES people (id) ON UPDATE CASCADE ON DELETE SET NULL,
  active     BOOLEAN NOT NULL DEFAULT TRUE,
  prefs      JSON NOT NULL DEFAULT '{"theme":"system"}' CHECK (json_valid(prefs)),
  avatar     BLOB,
  time_zone  TEXT GENERATED ALWAYS AS (coalesce(prefs ->> '$.time_zone', 'UTC')) VIRTUAL,
  CONSTRAINT people_not_their_own_manager CHECK (manager_id <> id)     -- NULL passes
);
CREATE INDEX people_by_manager ON people (manager_id) WHERE manager_id IS NOT NULL;

-- A key that people type: short, upper case, and renamed now and then, hence ON UPDATE CASCADE wherever it is used.
CREATE TABLE projects (
  key         TEXT PRIMARY KEY CONSTRAINT projects_key_is_short
              CHECK (length(key) BETWEEN 2 AND 6 AND key NOT GLOB '*[^A-Z0-9]*'),
  name        TEXT NOT NULL,
  lead_id     TEXT REFERENCES people (id) ON UPDATE CASCADE ON DELETE SET NULL,
  archived_at TEXT,
  -- Named like a parameter of the list; a filter on it is written limit:... in the query.
  "limit"     INTEGER NOT NULL DEFAULT 0 CHECK ("limit" >= 0)
) STRICT;
-- Two live projects of one name confuse everyone; an archived one gives its name free.
CREATE UNIQUE INDEX projects_name_live ON projects (name COLLATE NOCASE) WHERE archived_at IS NULL;

-- The last number given in each project. A table of its own, as max(number) + 1 would give the number of a deleted
-- ticket again.
CREATE TABLE project_counters (
  project_key TEXT PRIMARY KEY REFERENCES projects (key) ON UPDATE CASCADE ON DELETE CASCADE,
  last        INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TRIGGER project_counters_only_rise BEFORE UPDATE OF last ON project_counters WHEN NEW.last < OLD.last
BEGIN
  -- The message is an expression (from SQLite 3.47 on); the client sees the values in it.
  SELECT RAISE(ABORT, 'the numbers of ' || OLD.project_key || ' have reached ' || OLD.last || ' and never go back');
END;

-- A table and columns whose names are reserved words.
CREATE TABLE "group" (
  id      INTEGER PRIMARY KEY,
  name    TEXT NOT NULL UNIQUE,
  "from"  TEXT NOT NULL DEFAULT '2026-01-01',
  "to"    TEXT,
  -- RESTRICT within the table: a group goes after the groups below it.
  "group" INTEGER REFERENCES "group" (id) ON DELETE RESTRICT,
  -- Unnamed, over two columns. Of an expression that begins with a quoted name SQLite's message keeps only that name:
  -- "CHECK constraint failed: to" reads like a constraint called to.
  CHECK ("to" IS NULL OR "from" <= "to")
) STRICT;

CREATE TABLE group_members (
  "group"   INTEGER NOT NULL REFERENCES "group" (id) ON DELETE CASCADE,
  person_id TEXT NOT NULL REFERENCES people (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "order"   INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY ("group", person_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_members_by_person ON group_members (person_id);

-- Capitals and blanks. SQLite finds "sprint" and "SPRINT" too, but answers the names as they were written here.
CREATE TABLE "Sprint" (
  "Id"           INTEGER PRIMARY KEY,
  "Project Key"  TEXT NOT NULL REFERENCES projects (key) ON UPDATE CASCADE ON DELETE CASCADE,
  "Name"         TEXT NOT NULL,
  "Starts On"    TEXT NOT NULL CHECK ("Starts On" IS date("Starts On")),
  "Ends On"      TEXT NOT NULL CHECK ("Ends On" IS date("Ends On")),
  "State"        TEXT NOT NULL DEFAULT 'planned' CONSTRAINT "Sprint: a known state"
                 CHECK ("State" IN ('planned', 'active', 'done')),
  "Days"         INTEGER GENERATED ALWAYS AS (CAST(julianday("Ends On") - julianday("Starts On") AS INTEGER) + 1) STORED,
  "100% of plan" REAL NOT NULL DEFAULT 1.0,      -- a percent sign in the name of a parameter
  UNIQUE ("Project Key", "Name"),
  CONSTRAINT "Sprint ends after its start" CHECK ("Ends On" >= "Starts On")
) STRICT;
-- One running sprint for each project.
CREATE UNIQUE INDEX "Sprint: one active" ON "Sprint" ("Project Key") WHERE "State" = 'active';
