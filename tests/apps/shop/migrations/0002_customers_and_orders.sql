-- Who buys, and what was bought.

CREATE TABLE customers (
  id         TEXT PRIMARY KEY,                   -- the API makes a UUIDv7 where none is given
  name       TEXT NOT NULL CHECK (trim(name) <> ''),
  email      TEXT NOT NULL COLLATE NOCASE UNIQUE,
  tier       TEXT NOT NULL DEFAULT 'bronze' CONSTRAINT customers_tier CHECK (tier IN ('bronze', 'silver', 'gold')),
  newsletter INTEGER NOT NULL DEFAULT 0 CHECK (newsletter IN (0, 1)),   -- a boolean in all but declared type: stays 0 or 1
  born_on    TEXT CHECK (born_on IS NULL OR born_on = date(born_on)),    -- refuses 2026-02-30, which date() moves to March
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;
CREATE INDEX customers_by_name ON customers (name COLLATE NOCASE, id);

-- A composite TEXT key whose parts may hold commas, slashes and blanks: they are percent-encoded one by one.
CREATE TABLE addresses (
  customer_id TEXT NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
  label       TEXT NOT NULL CHECK (label <> ''),
  street      TEXT NOT NULL,
  city        TEXT NOT NULL,
  country     TEXT NOT NULL DEFAULT 'DE' CHECK (length(country) = 2),
  is_default  INTEGER NOT NULL DEFAULT 0 CHECK (is_default IN (0, 1)),
  PRIMARY KEY (customer_id, label)
) STRICT;
-- At most one default per customer.
CREATE UNIQUE INDEX addresses_one_default ON addresses (customer_id) WHERE is_default = 1;

CREATE TABLE coupons (
  code         TEXT COLLATE NOCASE PRIMARY KEY,   -- a key that is found in any case
  percent      INTEGER CHECK (percent BETWEEN 1 AND 100),               -- NULL passes a CHECK
  amount_cents INTEGER CHECK (amount_cents > 0),
  valid_from   TEXT NOT NULL DEFAULT '2026-01-01',
  valid_to     TEXT NOT NULL DEFAULT '2026-12-31',
  CONSTRAINT coupons_one_kind CHECK ((percent IS NULL) <> (amount_cents IS NULL)),
  CONSTRAINT coupons_valid_in_order CHECK (valid_from <= valid_to)
) STRICT;

CREATE TABLE orders (
  -- AUTOINCREMENT: the number of a deleted order is never given again (kept in sqlite_sequence).
  id            INTEGER PRIMARY KEY AUTOINCREMENT,
  -- Filled by a trigger after the insert: RETURNING does not see it, the row has to be read again.
  number        TEXT UNIQUE,
  -- RESTRICT is checked at once, even within a transaction that would make good for it.
  customer_id   TEXT NOT NULL REFERENCES customers (id) ON DELETE RESTRICT,
  -- What the client calls it; unique within the customer.
  client_ref    TEXT,
  ship_label    TEXT,
  bill_label    TEXT,
  -- SET NULL, and the key of the parent compares without case.
  coupon_code   TEXT REFERENCES coupons (code) ON UPDATE CASCADE ON DELETE SET NULL,
  status        TEXT NOT NULL DEFAULT 'open'
                CONSTRAINT orders_status CHECK (status IN ('open', 'paid', 'shipped', 'cancelled')),
  placed_at     TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  paid_at       TEXT,
  shipped_at    TEXT,
  placed_on     TEXT GENERATED ALWAYS AS (substr(placed_at, 1, 10)) VIRTUAL,
  -- Two composite keys to the same table: expanding backwards has to say which. A NULL label refers to nothing.
  -- NO ACTION is checked at the end of the statement: an address may not go while an order names it.
  FOREIGN KEY (customer_id, ship_label) REFERENCES addresses (customer_id, label) ON UPDATE CASCADE ON DELETE NO ACTION,
  FOREIGN KEY (customer_id, bill_label) REFERENCES addresses (customer_id, label) ON UPDATE CASCADE ON DELETE NO ACTION,
  CONSTRAINT orders_client_ref_once UNIQUE (customer_id, client_ref),
  -- Over three columns: nothing is shipped unpaid, and nothing before it was paid.
  CONSTRAINT orders_dates_in_order
    CHECK (shipped_at IS NULL OR (paid_at IS NOT NULL AND shipped_at >= paid_at)),
  CONSTRAINT orders_shipped_has_date CHECK ((status = 'shipped') = (shipped_at IS NOT NULL))
) STRICT;
CREATE INDEX orders_by_status ON orders (status, placed_at DESC);
CREATE INDEX orders_by_day ON orders (placed_on);
CREATE INDEX orders_by_coupon ON orders (coupon_code) WHERE coupon_code IS NOT NULL;

-- Changes the row's own column after the insert.
CREATE TRIGGER orders_give_number AFTER INSERT ON orders WHEN NEW.number IS NULL
BEGIN
  UPDATE orders SET number = printf('SO-%06d', NEW.id) WHERE id = NEW.id;
END;

-- The list of columns leaves out number, or else the trigger above would be refused for an order that arrives shipped.
CREATE TRIGGER orders_shipped_is_final
BEFORE UPDATE OF customer_id, client_ref, ship_label, bill_label, status, placed_at, paid_at, shipped_at ON orders
WHEN OLD.status = 'shipped'
BEGIN
  SELECT RAISE(ABORT, 'a shipped order cannot be changed');
END;

-- A key of one foreign key and a running number.
CREATE TABLE order_items (
  order_id       INTEGER NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
  line_no        INTEGER NOT NULL CHECK (line_no > 0),
  product_id     INTEGER NOT NULL REFERENCES products (id) ON DELETE RESTRICT,
  -- No action given: NO ACTION. The table comes with the next migration; SQLite looks it up when a row is written.
  warehouse_id   INTEGER NOT NULL DEFAULT 1 REFERENCES warehouses (id),
  quantity       INTEGER NOT NULL DEFAULT 1 CHECK (quantity > 0),
  unit_cents     INTEGER NOT NULL CHECK (unit_cents >= 0),
  discount_cents INTEGER NOT NULL DEFAULT 0 CHECK (discount_cents >= 0),
  total_cents    INTEGER GENERATED ALWAYS AS (quantity * unit_cents - discount_cents) STORED,
  PRIMARY KEY (order_id, line_no),
  CONSTRAINT order_items_discount_within_total CHECK (discount_cents <= quantity * unit_cents)
) STRICT;
CREATE INDEX order_items_by_product ON order_items (product_id);

-- A BLOB(16) key named id: a UUIDv7 in binary where none is given, base64url in the URL.
CREATE TABLE payments (
  id           BLOB(16) NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  -- The parent's column is left out and means its primary key; PRAGMA foreign_key_list answers NULL for it.
  order_id     INTEGER NOT NULL REFERENCES orders ON DELETE RESTRICT,
  amount       DECIMAL(12, 2) NOT NULL CONSTRAINT payments_amount_positive CHECK (amount > 0),
  method       VARCHAR(20) NOT NULL DEFAULT 'card' CHECK (method IN ('card', 'transfer', 'cash', 'gift')),
  provider     VARCHAR(20) NOT NULL,
  provider_ref VARCHAR(80) NOT NULL,
  captured     BOOLEAN NOT NULL DEFAULT FALSE,
  raw_event    JSON CHECK (raw_event IS NULL OR json_valid(raw_event)),
  received_at  DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  UNIQUE (provider, provider_ref)                 -- unnamed, over two columns
);
CREATE INDEX payments_by_order ON payments (order_id);

-- Two tables that need each other: a shipment names the parcel that carries the papers, a parcel its shipment. The
-- deferred key lets both be written in one transaction, in either order; alone, the shipment fails at COMMIT.
CREATE TABLE shipments (
  id             INTEGER PRIMARY KEY,
  order_id       INTEGER NOT NULL REFERENCES orders (id) ON DELETE CASCADE,
  papers_in      INTEGER NOT NULL DEFAULT 1,
  carrier        TEXT NOT NULL DEFAULT 'post',
  handed_over_at TEXT,
  CONSTRAINT shipments_papers_parcel FOREIGN KEY (id, papers_in) REFERENCES parcels (shipment_id, parcel_no)
    DEFERRABLE INITIALLY DEFERRED
) STRICT;
CREATE INDEX shipments_by_order ON shipments (order_id);

CREATE TABLE parcels (
  shipment_id INTEGER NOT NULL REFERENCES shipments (id) ON DELETE CASCADE,
  parcel_no   INTEGER NOT NULL,
  weight_g    INTEGER NOT NULL CHECK (weight_g > 0),
  tracking    TEXT UNIQUE,
  PRIMARY KEY (shipment_id, parcel_no)
) STRICT;

-- A key of an INTEGER and a TEXT in a table without rowid.
CREATE TABLE reviews (
  product_id  INTEGER NOT NULL REFERENCES products (id) ON DELETE CASCADE,
  customer_id TEXT NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
  stars       INTEGER NOT NULL CHECK (stars BETWEEN 1 AND 5),
  body        TEXT NOT NULL DEFAULT '',
  -- Several statements of a review about itself: no review of five stars may call itself a complaint.
  complaint   INTEGER NOT NULL DEFAULT 0,
  CONSTRAINT reviews_complaint_has_few_stars CHECK (complaint = 0 OR stars <= 3),
  PRIMARY KEY (product_id, customer_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX reviews_by_customer ON reviews (customer_id);
