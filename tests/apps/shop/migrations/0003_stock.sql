-- Stock: an append-only ledger, and levels that only the ledger's trigger keeps.

-- INT, not INTEGER: the key is an ordinary column with an index, not the rowid, and NULL would be let in without NOT NULL.
CREATE TABLE warehouses (
  id   INT NOT NULL PRIMARY KEY,
  name VARCHAR(40) NOT NULL UNIQUE,
  open BOOLEAN NOT NULL DEFAULT 1
);

-- Order items default to warehouse 1, so it exists in every tenant.
INSERT INTO warehouses (id, name) VALUES (1, 'Main');

CREATE TABLE stock_levels (
  warehouse_id INTEGER NOT NULL REFERENCES warehouses (id) ON DELETE RESTRICT,
  product_id   INTEGER NOT NULL REFERENCES products (id) ON DELETE CASCADE,
  on_hand      INTEGER NOT NULL DEFAULT 0 CONSTRAINT stock_levels_never_negative CHECK (on_hand >= 0),
  reorder_at   INTEGER NOT NULL DEFAULT 5,
  PRIMARY KEY (warehouse_id, product_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX stock_levels_by_product ON stock_levels (product_id);

CREATE TABLE stock_movements (
  id           INTEGER PRIMARY KEY AUTOINCREMENT,  -- a ledger's numbers are not used twice
  warehouse_id INTEGER NOT NULL REFERENCES warehouses (id) ON DELETE RESTRICT,
  product_id   INTEGER NOT NULL REFERENCES products (id) ON DELETE RESTRICT,
  quantity     INTEGER NOT NULL CHECK (quantity <> 0),
  reason       TEXT NOT NULL CHECK (reason IN ('delivery', 'sale', 'return', 'transfer', 'correction')),
  -- No foreign keys on purpose: the ledger outlives orders and transfers, and SET NULL would have to change it.
  order_id     INTEGER,
  transfer_id  INTEGER,
  moved_at     TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  CONSTRAINT stock_movements_reason_matches
    CHECK (order_id IS NULL OR transfer_id IS NULL)
) STRICT;
CREATE INDEX stock_movements_by_product ON stock_movements (product_id, moved_at);

-- A sale of more than is there. Checked before the row goes in, to say it in words; stock_levels_never_negative would
-- stop it as well, but from two triggers further down.
CREATE TRIGGER order_items_need_stock BEFORE INSERT ON order_items
WHEN NEW.quantity > coalesce(
  (SELECT on_hand FROM stock_levels WHERE warehouse_id = NEW.warehouse_id AND product_id = NEW.product_id), 0)
BEGIN
  SELECT RAISE(ABORT, 'not enough stock');
END;

-- One insert makes three changes: the item, its movement, and (by the trigger on movements) the level.
CREATE TRIGGER order_items_leave_stock AFTER INSERT ON order_items
BEGIN
  INSERT INTO stock_movements (warehouse_id, product_id, quantity, reason, order_id, moved_at)
  VALUES (NEW.warehouse_id, NEW.product_id, -NEW.quantity, 'sale', NEW.order_id,
          (SELECT placed_at FROM orders WHERE id = NEW.order_id));
END;

-- Runs for rows that CASCADE deletes too. The order is gone by then, so the time is now, not the order's.
CREATE TRIGGER order_items_return_stock AFTER DELETE ON order_items
BEGIN
  INSERT INTO stock_movements (warehouse_id, product_id, quantity, reason, order_id)
  VALUES (OLD.warehouse_id, OLD.product_id, OLD.quantity, 'return', OLD.order_id);
END;

-- What was sold stays as it was sold; a change is a delete and an insert, both in the ledger.
CREATE TRIGGER order_items_keep_what_was_sold
BEFORE UPDATE OF product_id, warehouse_id, quantity ON order_items
BEGIN
  SELECT RAISE(ABORT, 'delete the item and add another to change what was sold');
END;

CREATE TRIGGER stock_movements_keep_levels AFTER INSERT ON stock_movements
BEGIN
  -- First the row, then the sum: one upsert would check the CHECK against a negative quantity before it finds the
  -- existing row. ON CONFLICT DO NOTHING, as OR IGNORE is overridden by the conflict clause of the outer statement.
  INSERT INTO stock_levels (warehouse_id, product_id) VALUES (NEW.warehouse_id, NEW.product_id)
  ON CONFLICT (warehouse_id, product_id) DO NOTHING;
  UPDATE stock_levels SET on_hand = on_hand + NEW.quantity
  WHERE warehouse_id = NEW.warehouse_id AND product_id = NEW.product_id;
END;

CREATE TRIGGER stock_movements_no_update BEFORE UPDATE ON stock_movements
BEGIN
  SELECT RAISE(ABORT, 'stock movements are append-only');
END;
CREATE TRIGGER stock_movements_no_delete BEFORE DELETE ON stock_movements
BEGIN
  SELECT RAISE(ABORT, 'stock movements are append-only');
END;

-- Two keys to the same table, so stock_transfers of a warehouse are ambiguous without the column.
CREATE TABLE stock_transfers (
  id                INTEGER PRIMARY KEY,
  from_warehouse_id INTEGER NOT NULL REFERENCES warehouses (id) ON DELETE RESTRICT,
  to_warehouse_id   INTEGER NOT NULL REFERENCES warehouses (id) ON DELETE RESTRICT,
  product_id        INTEGER NOT NULL REFERENCES products (id) ON DELETE RESTRICT,
  quantity          INTEGER NOT NULL CHECK (quantity > 0),
  moved_at          TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  CONSTRAINT stock_transfers_between_two CHECK (from_warehouse_id <> to_warehouse_id)
) STRICT;

CREATE TRIGGER stock_transfers_move AFTER INSERT ON stock_transfers
BEGIN
  INSERT INTO stock_movements (warehouse_id, product_id, quantity, reason, transfer_id, moved_at)
  VALUES (NEW.from_warehouse_id, NEW.product_id, -NEW.quantity, 'transfer', NEW.id, NEW.moved_at),
         (NEW.to_warehouse_id, NEW.product_id, NEW.quantity, 'transfer', NEW.id, NEW.moved_at);
END;
