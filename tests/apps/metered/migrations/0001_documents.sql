CREATE TABLE documents (
  id    TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  body  TEXT
);
-- Each document leaves a copy: what a trigger makes is billed like everything else.
CREATE TABLE notes (
  id   INTEGER PRIMARY KEY,
  text TEXT NOT NULL
);
CREATE TRIGGER notes_make_documents AFTER INSERT ON notes WHEN new.text LIKE 'document %'
BEGIN
  INSERT INTO documents (id, title) VALUES (new.text, new.text);
END;
