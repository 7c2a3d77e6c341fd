-- Full-text search, and tables that are hard to name.

-- External content: the index holds no copy of the text, and three triggers keep it true. The shadow tables
-- (tickets_search_data, _idx, _docsize, _config) are not for clients, nor is the column named like the table.
CREATE VIRTUAL TABLE tickets_search USING fts5 (
  title, body, content = 'tickets', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);
CREATE TRIGGER tickets_search_insert AFTER INSERT ON tickets
BEGIN
  INSERT INTO tickets_search (rowid, title, body) VALUES (NEW.id, NEW.title, NEW.body);
END;
-- 'delete' needs the old text, word for word, or the index breaks.
CREATE TRIGGER tickets_search_delete AFTER DELETE ON tickets
BEGIN
  INSERT INTO tickets_search (tickets_search, rowid, title, body) VALUES ('delete', OLD.id, OLD.title, OLD.body);
END;
CREATE TRIGGER tickets_search_update AFTER UPDATE OF title, body ON tickets
BEGIN
  INSERT INTO tickets_search (tickets_search, rowid, title, body) VALUES ('delete', OLD.id, OLD.title, OLD.body);
  INSERT INTO tickets_search (rowid, title, body) VALUES (NEW.id, NEW.title, NEW.body);
END;

-- An FTS5 table with content of its own and no table behind it.
CREATE VIRTUAL TABLE handbook USING fts5 (title, body, slug UNINDEXED, tokenize = 'porter unicode61');

-- Searches that people keep, in the words of a query: every parameter of a list is also a column here.
CREATE TABLE "select" (
  id       INTEGER PRIMARY KEY,
  "select" TEXT NOT NULL DEFAULT '*',
  "from"   TEXT NOT NULL,
  "where"  TEXT,
  "group"  TEXT,
  "order"  TEXT NOT NULL DEFAULT '-priority',
  "limit"  INTEGER NOT NULL DEFAULT 50 CONSTRAINT select_limit CHECK ("limit" BETWEEN 1 AND 500),
  "cursor" TEXT,
  "count"  TEXT CHECK ("count" IN ('exact', 'none')),
  "fields" TEXT,
  "expand" TEXT,
  "q"      TEXT,
  "or"     TEXT,
  "table"  TEXT GENERATED ALWAYS AS ("from") VIRTUAL,
  "default" BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE UNIQUE INDEX "select one default for each table" ON "select" ("from") WHERE "default";

-- The order of tickets on a group's board. REAL, so that a ticket goes between two others without moving them.
CREATE TABLE "order" (
  "group"  INTEGER NOT NULL REFERENCES "group" (id) ON DELETE CASCADE,
  "select" INTEGER NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  "order"  REAL NOT NULL,
  PRIMARY KEY ("group", "select"),
  UNIQUE ("group", "order")
) STRICT, WITHOUT ROWID;
CREATE INDEX "order by ticket" ON "order" ("select");

-- How many tickets of a status a group takes on at once.
CREATE TABLE "limit" (
  "group"  INTEGER NOT NULL REFERENCES "group" (id) ON DELETE CASCADE,
  "cursor" TEXT NOT NULL,
  "limit"  INTEGER NOT NULL CHECK ("limit" > 0),
  PRIMARY KEY ("group", "cursor")
) STRICT, WITHOUT ROWID;

-- Came out of a spreadsheet: a column called rowid, which hides SQLite's own; oid and _rowid_ still reach it. Values of
-- the column repeat, so taking it for the key would change several rows.
CREATE TABLE imported_hours (
  rowid   INTEGER NOT NULL,
  person  TEXT NOT NULL,
  hours   DECIMAL(5, 2) NOT NULL,
  comment TEXT
);

-- Two of SQLite's three names are taken; only _rowid_ is left. The last column has no type, and keeps what it is given.
CREATE TABLE imported_cells (
  rowid INTEGER,
  oid   TEXT,
  value
);

-- Letters beyond ASCII in every name. SQLite folds case for ASCII only: "überstunden" is no such table.
CREATE TABLE "Überstunden" (
  "schlüssel" TEXT PRIMARY KEY,
  person_id   TEXT NOT NULL REFERENCES people (id) ON UPDATE CASCADE ON DELETE CASCADE,
  "日付"      TEXT NOT NULL CHECK ("日付" IS date("日付")),
  "größe"     REAL NOT NULL DEFAULT 1.5 CONSTRAINT "größe über null" CHECK ("größe" > 0),
  "grund 🙂"  TEXT,
  UNIQUE (person_id, "日付")
) STRICT;
CREATE TRIGGER "Überstunden: höchstens zehn" BEFORE INSERT ON "Überstunden" WHEN NEW."größe" > 10
BEGIN
  SELECT RAISE(ABORT, 'höchstens 10 Überstunden am Tag – "bitte aufteilen"');
END;

-- Punctuation in names: a dot, a comma, an apostrophe and a quote, which fields=, order= and select= have to tell from
-- their own.
CREATE TABLE "survey.2026" (
  "id"             INTEGER PRIMARY KEY,
  "a.b"            INTEGER,
  "c,d"            INTEGER,
  "it's"           TEXT,
  "say ""please""" TEXT,
  "count()"        INTEGER,
  "-minus"         INTEGER,
  "x:y"            INTEGER,
  CONSTRAINT "survey, at least one" CHECK (coalesce("a.b", "c,d") IS NOT NULL),
  UNIQUE ("a.b", "c,d")
);
