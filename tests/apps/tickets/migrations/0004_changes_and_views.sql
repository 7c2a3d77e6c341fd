-- Changes to tables that have rows already, and views.

-- Quoted names on a table in use. A CHECK that comes with ALTER TABLE is tried against the rows that exist.
ALTER TABLE tickets ADD COLUMN "Story Points" REAL CONSTRAINT "Story Points are not negative" CHECK ("Story Points" >= 0);
ALTER TABLE tickets ADD COLUMN source TEXT NOT NULL DEFAULT 'web';
-- A foreign key on a table in use needs NULL as its default.
ALTER TABLE tickets ADD COLUMN template_id INTEGER REFERENCES tickets (id) ON DELETE SET NULL;
-- Only VIRTUAL columns can be added later; STORED ones would have to be written into every row.
ALTER TABLE tickets ADD COLUMN weight REAL GENERATED ALWAYS AS (coalesce("Story Points", 1.0) * (6 - priority)) VIRTUAL;
CREATE INDEX tickets_by_template ON tickets (template_id) WHERE template_id IS NOT NULL;

-- A new CHECK on an old column: SQLite's way is a new table, a copy, and the old name. The keys that refer to labels
-- keep referring to the name.
CREATE TABLE labels_new (
  id         INTEGER PRIMARY KEY,
  name       TEXT NOT NULL COLLATE NOCASE UNIQUE,
  color      TEXT NOT NULL DEFAULT '#808080' CHECK (color GLOB '#[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]'),
  project    TEXT REFERENCES projects (key) ON UPDATE CASCADE ON DELETE CASCADE
) STRICT;
INSERT INTO labels_new (id, name, color) SELECT id, name, color FROM labels;
DROP TABLE labels;
ALTER TABLE labels_new RENAME TO labels;
-- Triggers, indexes, keys and CHECKs that use the column follow it.
ALTER TABLE labels RENAME COLUMN project TO project_key;
CREATE INDEX labels_by_project ON labels (project_key);

ALTER TABLE imported_hours ADD COLUMN obsolete TEXT;
ALTER TABLE imported_hours DROP COLUMN obsolete;

-- A plain view with a column named id.
CREATE VIEW open_tickets AS
SELECT t.id, t.ref, t.title, t.priority, t.is_open, p.handle AS assignee, s."Name" AS "Sprint"
FROM tickets AS t
LEFT JOIN people AS p ON p.id = t.assignee_id
LEFT JOIN "Sprint" AS s ON s."Id" = t."Sprint Id"
WHERE t.is_open;

-- Aggregates: no key, so it lists and nothing else.
CREATE VIEW project_summary AS
SELECT p.key AS project_key, p.name, count(t.id) AS tickets, coalesce(sum(t.is_open), 0) AS open,
       avg(t."Story Points") AS "average points", max(t.opened_at) AS last_opened_at
FROM projects AS p LEFT JOIN tickets AS t ON t.project_key = p.key
GROUP BY p.key;

-- A recursive view.
CREATE VIEW ticket_tree AS
WITH RECURSIVE tree (id, root_id, depth, path) AS (
  SELECT id, id, 0, '/' || id FROM tickets WHERE parent_id IS NULL
  UNION ALL
  SELECT t.id, tree.root_id, tree.depth + 1, tree.path || '/' || t.id
  FROM tickets AS t JOIN tree ON t.parent_id = tree.id
)
SELECT id, root_id, depth, path FROM tree;

-- Two columns of one name: SQLite calls the second "id:1".
CREATE VIEW tickets_with_people AS
SELECT t.id, t.title, p.id, p.handle FROM tickets AS t JOIN people AS p ON p.id = t.reporter_id;

-- Reserved words all the way through.
CREATE VIEW "from" AS
SELECT o."group", g.name AS "select", count(*) AS "count", min(o."order") AS "order"
FROM "order" AS o JOIN "group" AS g ON g.id = o."group"
GROUP BY o."group";

-- SQLite would take writes to this view by its trigger; through the API a view is read-only, whatever its triggers.
CREATE VIEW board AS
SELECT o."group" AS group_id, o."select" AS ticket_id, o."order" AS position, t.title, t.status
FROM "order" AS o JOIN tickets AS t ON t.id = o."select";
CREATE TRIGGER board_insert INSTEAD OF INSERT ON board
BEGIN
  INSERT INTO "order" ("group", "select", "order") VALUES (NEW.group_id, NEW.ticket_id, NEW.position);
END;
CREATE TRIGGER board_update INSTEAD OF UPDATE OF status ON board
BEGIN
  UPDATE tickets SET status = NEW.status WHERE id = NEW.ticket_id;
END;
