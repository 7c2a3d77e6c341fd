-- Whose file this is. It must equal the catalog's row at each open (DESIGN 3).
CREATE TABLE _tenant (
  id    TEXT PRIMARY KEY,
  epoch INTEGER NOT NULL
);
