-- What is sold. These tables are not STRICT and use the declared types that people bring from other databases: SQLite
-- derives an affinity from them (DECIMAL, BOOLEAN and DATETIME become NUMERIC, VARCHAR becomes TEXT, JSON becomes
-- NUMERIC too, for want of "CHAR", "TEXT" or "BLOB" in it), and the API tells booleans and JSON by the declared type.

-- An INTEGER key, the rowid itself.
CREATE TABLE categories (
  id       INTEGER PRIMARY KEY,
  -- NOCASE: 'Tools' and 'TOOLS' are the same category (for ASCII letters; SQLite folds no others).
  name     VARCHAR(40) NOT NULL COLLATE NOCASE UNIQUE,
  position INTEGER NOT NULL DEFAULT -1          -- a default with a sign is an expression to the parser
);

-- A row made by a migration: products fall back to it (SET DEFAULT), with or without seed.sql.
INSERT INTO categories (id, name, position) VALUES (1, 'Uncategorised', 0);

-- A TEXT key of another name than id: nothing is made up for it, the client has to give one.
CREATE TABLE suppliers (
  code    VARCHAR(40) NOT NULL PRIMARY KEY CHECK (code = upper(code) AND code <> ''),   -- unnamed, over one column
  name    VARCHAR(40) NOT NULL,                 -- 40 is not enforced by SQLite: longer texts are stored
  email   TEXT COLLATE NOCASE UNIQUE,           -- nullable, and one only per spelling of case
  rating  DECIMAL(3, 2) DEFAULT 2.5,            -- a REAL default
  active  BOOLEAN NOT NULL DEFAULT TRUE,        -- TRUE is stored as 1
  contact JSON CHECK (contact IS NULL OR json_valid(contact)),
  since   DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP   -- 'YYYY-MM-DD HH:MM:SS', not the form the API writes
);

CREATE TABLE products (
  id            INTEGER PRIMARY KEY,
  sku           VARCHAR(40) NOT NULL COLLATE NOCASE,
  name          TEXT NOT NULL,
  -- SET DEFAULT: products of a deleted category turn to category 1. Deleting category 1 itself is therefore refused
  -- while it has products.
  category_id   INTEGER NOT NULL DEFAULT 1 REFERENCES categories (id) ON DELETE SET DEFAULT,
  -- SET NULL on delete, CASCADE on update: a supplier may be renamed with all its products.
  supplier_code VARCHAR(40) REFERENCES suppliers (code) ON UPDATE CASCADE ON DELETE SET NULL,
  price         DECIMAL(10, 2) NOT NULL CHECK (price >= 0),          -- unnamed: its message is the expression
  sale_price    DECIMAL(10, 2),
  -- Length without type is NUMERIC; 12 digits with a leading zero must stay text, hence TEXT.
  barcode       TEXT CHECK (barcode IS NULL OR barcode GLOB '[0-9]*'),
  weight_g      INTEGER NOT NULL DEFAULT 0,
  discontinued  BOOLEAN NOT NULL DEFAULT FALSE,
  attributes    JSON NOT NULL DEFAULT '{}' CONSTRAINT products_attributes_are_json CHECK (json_valid(attributes)),
  added_at      DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),    -- an expression default
  -- STORED: kept in the row, so an index or a sum reads it. round() first, as 19.99 * 100 is 1998.9999...
  price_cents   INTEGER GENERATED ALWAYS AS (CAST(round(price * 100) AS INTEGER)) STORED,
  -- VIRTUAL: computed on reading; hidden from PRAGMA table_info, so introspection has to use table_xinfo.
  colour        TEXT GENERATED ALWAYS AS (attributes ->> '$.colour') VIRTUAL,
  CONSTRAINT products_sku_once UNIQUE (sku),
  -- Over several columns: which field is at fault cannot be told from the name alone.
  CONSTRAINT products_sale_below_price CHECK (sale_price IS NULL OR sale_price < price)
);

-- Unique over an expression: SQLite's message names the index, not a column.
CREATE UNIQUE INDEX products_name_once ON products (lower(trim(name)));
-- Unique for some rows only: a discontinued product gives its barcode free.
CREATE UNIQUE INDEX products_barcode_live ON products (barcode) WHERE discontinued = 0;
CREATE INDEX products_by_category ON products (category_id, name);
CREATE INDEX products_by_supplier ON products (supplier_code);
-- An index on a generated column.
CREATE INDEX products_by_colour ON products (colour);

-- A composite key with a BLOB in it: in a URL the part is base64url.
CREATE TABLE product_images (
  product_id INTEGER NOT NULL REFERENCES products (id) ON DELETE CASCADE,
  sha256     BLOB NOT NULL CONSTRAINT product_images_sha256_has_32_bytes CHECK (length(sha256) = 32),
  mime       TEXT NOT NULL DEFAULT 'image/png',
  thumbnail  BLOB NOT NULL DEFAULT x'',          -- an empty BLOB is not NULL
  alt_text   TEXT DEFAULT NULL,                  -- a default that says nothing
  PRIMARY KEY (product_id, sha256)
) STRICT, WITHOUT ROWID;

CREATE TABLE supplier_offers (
  supplier_code TEXT NOT NULL REFERENCES suppliers (code) ON UPDATE CASCADE ON DELETE CASCADE,
  -- Refers to a unique column that is not the primary key. SQLite compares with the parent's collation, so
  -- 'sku-0001' here finds 'SKU-0001' there; whoever follows the key by hand has to do the same.
  product_sku   TEXT NOT NULL REFERENCES products (sku) ON UPDATE CASCADE ON DELETE CASCADE,
  unit_cents    INTEGER NOT NULL CHECK (unit_cents > 0),
  lead_days     INTEGER NOT NULL DEFAULT 7,
  PRIMARY KEY (supplier_code, product_sku)
) STRICT;
CREATE INDEX supplier_offers_by_product ON supplier_offers (product_sku);
