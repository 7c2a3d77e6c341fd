-- The tickets and what hangs on them.

CREATE TABLE tickets (
  -- AUTOINCREMENT: links to a deleted ticket never lead to another one.
  id           INTEGER PRIMARY KEY AUTOINCREMENT,
  project_key  TEXT NOT NULL REFERENCES projects (key) ON UPDATE CASCADE ON DELETE RESTRICT,
  -- Given by a trigger after the insert: RETURNING does not see it.
  number       INTEGER,
  title        TEXT NOT NULL CHECK (trim(title) <> ''),
  body         TEXT NOT NULL DEFAULT '',
  status       TEXT NOT NULL DEFAULT 'open'
               CONSTRAINT tickets_status CHECK (status IN ('open', 'doing', 'closed', 'duplicate')),
  priority     INTEGER NOT NULL DEFAULT 3 CHECK (priority BETWEEN 1 AND 5),
  -- A tree: who deletes the parent deletes all below, and every one of them is a change of its own.
  parent_id    INTEGER REFERENCES tickets (id) ON DELETE CASCADE,
  -- A second key to the same table: expanding tickets backwards from a ticket has to say which.
  -- SET NULL meets tickets_duplicate_names_original: an original with duplicates cannot be deleted, by a CHECK.
  duplicate_of INTEGER REFERENCES tickets (id) ON DELETE SET NULL,
  reporter_id  TEXT REFERENCES people (id) ON UPDATE CASCADE ON DELETE RESTRICT,
  assignee_id  TEXT REFERENCES people (id) ON UPDATE CASCADE ON DELETE SET NULL,
  "Sprint Id"  INTEGER REFERENCES "Sprint" ("Id") ON DELETE SET NULL,
  locked       BOOLEAN NOT NULL DEFAULT 0,
  opened_at    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  closed_at    TEXT,
  -- STORED and BOOLEAN: true or false for the client, and cheap for an index.
  is_open      BOOLEAN GENERATED ALWAYS AS (status IN ('open', 'doing')) STORED,
  -- VIRTUAL, and NULL while the number is. A generated column that uses another generated one follows below.
  ref          TEXT GENERATED ALWAYS AS (project_key || '-' || number) VIRTUAL,
  heading      TEXT AS (ref || ': ' || title),   -- the short form: VIRTUAL without the word
  UNIQUE (project_key, number),
  CONSTRAINT tickets_not_below_itself CHECK (parent_id <> id),
  CONSTRAINT tickets_duplicate_names_original CHECK ((status = 'duplicate') = (duplicate_of IS NOT NULL)),
  -- Over two columns, unnamed.
  CHECK (closed_at IS NULL OR closed_at >= opened_at)
);
-- Unique on a VIRTUAL column: looking a ticket up by PROJ-12 reads one row.
CREATE UNIQUE INDEX tickets_ref ON tickets (ref);
CREATE INDEX tickets_by_parent ON tickets (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX tickets_by_original ON tickets (duplicate_of) WHERE duplicate_of IS NOT NULL;
-- What everyone looks at: open tickets, the urgent first.
CREATE INDEX tickets_open ON tickets (project_key, priority, opened_at DESC) WHERE is_open;
CREATE INDEX tickets_by_assignee ON tickets (assignee_id, is_open);
CREATE INDEX tickets_by_reporter ON tickets (reporter_id);
CREATE INDEX tickets_by_sprint ON tickets ("Sprint Id");

-- One insert is an insert, an upsert of the counter and an update of the row itself.
CREATE TRIGGER tickets_give_number AFTER INSERT ON tickets WHEN NEW.number IS NULL
BEGIN
  INSERT INTO project_counters (project_key, last) VALUES (NEW.project_key, 1)
  ON CONFLICT (project_key) DO UPDATE SET last = last + 1;
  UPDATE tickets SET number = (SELECT last FROM project_counters WHERE project_key = NEW.project_key)
  WHERE id = NEW.id;
END;

-- Longer circles than a row of its own parent, which no CHECK can see.
CREATE TRIGGER tickets_no_circle BEFORE UPDATE OF parent_id ON tickets WHEN NEW.parent_id IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'a ticket cannot be moved below one of its own')
  WHERE NEW.id <> NEW.parent_id AND NEW.id IN (
    WITH RECURSIVE above (id) AS (
      SELECT NEW.parent_id
      UNION
      SELECT t.parent_id FROM tickets AS t JOIN above AS a ON t.id = a.id WHERE t.parent_id IS NOT NULL
    )
    SELECT id FROM above
  );
END;

-- The client never gives closed_at. AFTER, so what RETURNING answered is out of date.
CREATE TRIGGER tickets_stamp_closed AFTER UPDATE OF status ON tickets
WHEN (NEW.status = 'closed') <> (OLD.status = 'closed')
BEGIN
  UPDATE tickets
  SET closed_at = CASE WHEN NEW.status = 'closed' THEN strftime('%Y-%m-%dT%H:%M:%fZ', 'now') END
  WHERE id = NEW.id;
END;

-- Three parts, one of them a word between two numbers.
CREATE TABLE ticket_links (
  from_id INTEGER NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  kind    TEXT NOT NULL CHECK (kind IN ('blocks', 'causes', 'relates to', 'a/b,c')),   -- blank, slash, comma in a key
  to_id   INTEGER NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  note    TEXT,
  PRIMARY KEY (from_id, kind, to_id),
  CONSTRAINT ticket_links_between_two CHECK (from_id <> to_id)
) STRICT;
CREATE INDEX ticket_links_by_target ON ticket_links (to_id, kind);

CREATE TABLE labels (
  id    INTEGER PRIMARY KEY,
  name  TEXT NOT NULL UNIQUE,
  color TEXT NOT NULL DEFAULT '#808080'
) STRICT;

-- Many to many: the key is the whole row, so a PATCH has nothing to change but the key itself.
CREATE TABLE ticket_labels (
  ticket_id INTEGER NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  label_id  INTEGER NOT NULL REFERENCES labels (id) ON DELETE CASCADE,
  PRIMARY KEY (ticket_id, label_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ticket_labels_by_label ON ticket_labels (label_id);

CREATE TABLE comments (
  id         TEXT PRIMARY KEY,
  ticket_id  INTEGER NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  author_id  TEXT REFERENCES people (id) ON UPDATE CASCADE ON DELETE SET NULL,
  -- Deferrable, but immediate until a transaction asks for more, which no client can: acts as any other key.
  reply_to   TEXT REFERENCES comments (id) ON DELETE CASCADE DEFERRABLE INITIALLY IMMEDIATE,
  body       TEXT NOT NULL CONSTRAINT comments_say_something CHECK (length(trim(body)) BETWEEN 1 AND 10000),
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;
CREATE INDEX comments_by_ticket ON comments (ticket_id, created_at);
CREATE INDEX comments_by_author ON comments (author_id);
CREATE INDEX comments_by_reply ON comments (reply_to) WHERE reply_to IS NOT NULL;

-- A message with a colon, as those of constraints have.
CREATE TRIGGER comments_not_on_locked BEFORE INSERT ON comments
WHEN (SELECT locked FROM tickets WHERE id = NEW.ticket_id)
BEGIN
  SELECT RAISE(ABORT, 'locked: this ticket takes no more comments');
END;

-- A chain: each item names the one before it. Deferred, so an array may give the items in any order, and a batch may
-- delete an item before the next one is told; an item alone with an unknown after_id fails at COMMIT.
CREATE TABLE checklist_items (
  id        TEXT PRIMARY KEY,
  ticket_id INTEGER NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  after_id  TEXT REFERENCES checklist_items (id) DEFERRABLE INITIALLY DEFERRED,
  text      TEXT NOT NULL,
  done      BOOLEAN NOT NULL DEFAULT FALSE,
  CHECK (after_id <> id)
);
-- One item follows another; the first ones of all tickets have NULL, which is never equal to itself.
CREATE UNIQUE INDEX checklist_items_chain ON checklist_items (after_id);
CREATE INDEX checklist_items_by_ticket ON checklist_items (ticket_id);

-- A BLOB key that is not called id: the client has to give it, here and in URLs as base64url.
CREATE TABLE attachments (
  digest  BLOB PRIMARY KEY CONSTRAINT attachments_digest_has_32_bytes CHECK (length(digest) = 32),
  content BLOB NOT NULL,
  mime    TEXT NOT NULL DEFAULT 'application/octet-stream',
  bytes   INTEGER GENERATED ALWAYS AS (length(content)) STORED,
  -- hex() of a key, for people who look at it in a list.
  hex     TEXT GENERATED ALWAYS AS (lower(hex(digest))) VIRTUAL
) STRICT, WITHOUT ROWID;

-- Refers to the BLOB; RESTRICT, as the same file may hang on several tickets.
CREATE TABLE ticket_attachments (
  ticket_id INTEGER NOT NULL REFERENCES tickets (id) ON DELETE CASCADE,
  digest    BLOB NOT NULL REFERENCES attachments (digest) ON DELETE RESTRICT,
  file_name TEXT NOT NULL,                       -- with dots, slashes, percent signs
  PRIMARY KEY (ticket_id, file_name)
) STRICT;
CREATE INDEX ticket_attachments_by_digest ON ticket_attachments (digest);

-- No key at all: a row is addressed by its rowid, which is shown nowhere else.
CREATE TABLE ticket_events (
  ticket_id INTEGER NOT NULL,                    -- not a foreign key: what happened outlives the ticket
  what      TEXT NOT NULL,
  was       TEXT,
  became    TEXT,
  at        TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
CREATE INDEX ticket_events_by_ticket ON ticket_events (ticket_id, at);

CREATE TRIGGER tickets_log_status AFTER UPDATE OF status ON tickets WHEN NEW.status <> OLD.status
BEGIN
  INSERT INTO ticket_events (ticket_id, what, was, became) VALUES (NEW.id, 'status', OLD.status, NEW.status);
END;
-- Fires for the rows of a cascade too.
CREATE TRIGGER tickets_log_delete AFTER DELETE ON tickets
BEGIN
  INSERT INTO ticket_events (ticket_id, what, was) VALUES (OLD.id, 'deleted', OLD.ref);
END;
