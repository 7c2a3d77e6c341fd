-- The built-in app: customers, their invoices with lines, and notes.
--
-- Every tenant has these tables in a file of its own, so no table carries a tenant id, and "unique" means unique within
-- the tenant. Each index is at least one page in every tenant file; there is one only where a list is ordered by it or
-- a foreign key has to find its rows.
--
-- Keys are TEXT named id: a record created without one gets a UUIDv7, which sorts by time of creation. Money is in whole
-- cents. All tables are STRICT, so that a text in an amount is refused instead of stored.

CREATE TABLE customers (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  -- NULLs are distinct in a unique column: any number of customers may lack an address.
  email      TEXT UNIQUE,
  -- The form in which the API writes times, so that text order is time order.
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

-- The list of customers is read by name; the id makes the order total, which keyset paging needs.
CREATE INDEX customers_by_name ON customers (name, id);

CREATE TABLE invoices (
  id            TEXT PRIMARY KEY,
  -- A draft has no number yet; numbers are given when it is opened.
  number        INTEGER UNIQUE,
  -- RESTRICT: a customer who was billed is not deleted with the bill, nor the bill orphaned.
  customer_id   TEXT NOT NULL REFERENCES customers (id) ON DELETE RESTRICT,
  -- Not derived from the lines: an invoice may be entered as one amount.
  amount_cents  INTEGER NOT NULL CHECK (amount_cents >= 0),
  status        TEXT NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'open', 'paid', 'void')),
  memo          TEXT,
  -- For an app.toml that hides it from some roles.
  internal_note TEXT,
  -- For an app.toml that lets members write their own rows only.
  created_by    TEXT,
  created_at    TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

-- "What is open, newest first" is the screen that everyone looks at.
CREATE INDEX invoices_by_status ON invoices (status, created_at DESC);
-- The invoices of a customer; without it, deleting any customer reads all invoices to honour RESTRICT.
CREATE INDEX invoices_by_customer ON invoices (customer_id, created_at DESC);

CREATE TABLE invoice_lines (
  id           TEXT PRIMARY KEY,
  -- CASCADE: a line is a part of its invoice and nothing without it.
  invoice_id   TEXT NOT NULL REFERENCES invoices (id) ON DELETE CASCADE,
  -- Not unique within the invoice: moving a line would otherwise need a free place.
  position     INTEGER NOT NULL DEFAULT 0,
  description  TEXT NOT NULL,
  quantity     INTEGER NOT NULL DEFAULT 1 CHECK (quantity > 0),
  -- May be negative: a discount is a line.
  unit_cents   INTEGER NOT NULL DEFAULT 0,
  -- STORED, so that sums over many lines do not compute it again. A product beyond 64 bits turns into a REAL, which
  -- STRICT refuses.
  amount_cents INTEGER GENERATED ALWAYS AS (quantity * unit_cents) STORED
) STRICT;

-- The lines of an invoice in their order, and the way for CASCADE.
CREATE INDEX invoice_lines_by_invoice ON invoice_lines (invoice_id, position);

CREATE TABLE notes (
  id          TEXT PRIMARY KEY,
  title       TEXT NOT NULL DEFAULT '',
  body        TEXT NOT NULL DEFAULT '',
  -- SET NULL: what was written down outlives the customer it was about.
  customer_id TEXT REFERENCES customers (id) ON DELETE SET NULL,
  created_by  TEXT,
  created_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  CONSTRAINT notes_say_something CHECK (title <> '' OR body <> '')
) STRICT;

CREATE INDEX notes_by_time ON notes (created_at DESC);
-- Partial: most notes are about nobody, and neither a lookup by customer nor SET NULL asks for those.
CREATE INDEX notes_by_customer ON notes (customer_id) WHERE customer_id IS NOT NULL;
