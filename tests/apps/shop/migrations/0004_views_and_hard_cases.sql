-- Views, and tables whose conflict handling reaches further than their own statement.

-- An aggregate view; its columns have no declared type but those taken over unchanged from a table.
CREATE VIEW order_totals AS
SELECT o.id                                            AS order_id,
       o.number,
       o.customer_id,
       o.status,
       count(i.line_no)                                AS lines,
       coalesce(sum(i.quantity), 0)                    AS pieces,
       coalesce(sum(i.total_cents), 0)                 AS total_cents,
       -- DISTINCT payments would be lost in a join with items, hence a query of its own.
       (SELECT coalesce(sum(p.amount), 0.0) FROM payments AS p WHERE p.order_id = o.id) AS paid
FROM orders AS o LEFT JOIN order_items AS i ON i.order_id = o.id
GROUP BY o.id;

-- A join with a column named id, and declared types (BOOLEAN, JSON) that come through from the table.
CREATE VIEW product_catalogue AS
SELECT p.id, p.sku, p.name, c.name AS category, s.name AS supplier, p.price, p.sale_price,
       coalesce(p.sale_price, p.price) AS effective_price, p.discontinued, p.attributes
FROM products AS p
JOIN categories AS c ON c.id = p.category_id
LEFT JOIN suppliers AS s ON s.code = p.supplier_code;

-- A view on a view, with a blank in the name of a column.
CREATE VIEW customer_revenue AS
SELECT t.customer_id, c.name, count(*) AS orders, sum(t.total_cents) AS total_cents, max(t.total_cents) AS "largest order"
FROM order_totals AS t JOIN customers AS c ON c.id = t.customer_id
WHERE t.status <> 'cancelled'
GROUP BY t.customer_id;

CREATE VIEW low_stock AS
SELECT l.warehouse_id, l.product_id, p.sku, l.on_hand, l.reorder_at
FROM stock_levels AS l JOIN products AS p ON p.id = l.product_id
WHERE l.on_hand <= l.reorder_at AND p.discontinued = 0;

-- REPLACE: a second row of the same key deletes the first without a word, and without delete triggers
-- (recursive_triggers is off). ANY keeps the type that was given: 1, 1.0, '1' and x'31' stay what they are.
CREATE TABLE shop_settings (
  key        TEXT PRIMARY KEY ON CONFLICT REPLACE,
  value      ANY,
  updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;

-- ROLLBACK: the violated constraint ends the whole transaction, also that of others who share it.
CREATE TABLE gift_cards (
  code          TEXT PRIMARY KEY ON CONFLICT ROLLBACK,
  -- An expression default that no two rows share.
  pin           TEXT NOT NULL DEFAULT (lower(hex(randomblob(4)))),
  balance_cents INTEGER NOT NULL DEFAULT 0 CHECK (balance_cents >= 0),
  blocked       INTEGER NOT NULL DEFAULT 0 CHECK (blocked IN (0, 1))
) STRICT;

-- RAISE(ROLLBACK): the same from a trigger.
CREATE TRIGGER gift_cards_blocked_stays BEFORE UPDATE OF balance_cents ON gift_cards WHEN OLD.blocked = 1
BEGIN
  SELECT RAISE(ROLLBACK, 'a blocked gift card cannot be used');
END;

-- RAISE(FAIL): stops, but keeps what the statement had changed before; an update of many rows is left half done unless
-- something around it (a savepoint) undoes it.
CREATE TRIGGER gift_cards_balance_bound BEFORE UPDATE OF balance_cents ON gift_cards WHEN NEW.balance_cents > 1000000
BEGIN
  SELECT RAISE(FAIL, 'a gift card holds at most 10000.00');
END;

-- RAISE(IGNORE): the insert succeeds and stores nothing. RETURNING answers no row, and last_insert_rowid is another's.
CREATE TABLE newsletter_signups (
  email     TEXT COLLATE NOCASE PRIMARY KEY,
  source    TEXT NOT NULL DEFAULT 'shop',
  signed_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
) STRICT;
CREATE TRIGGER newsletter_signups_drop_customers BEFORE INSERT ON newsletter_signups
WHEN EXISTS (SELECT 1 FROM customers WHERE email = NEW.email AND newsletter = 1)
BEGIN
  SELECT RAISE(IGNORE);
END;
