-- Invoices: what service periods came to. Amounts are whole minor units.

-- A service period is billed once: then its end and its plan stand, and usage of it that comes later is a difference.
ALTER TABLE service_periods ADD COLUMN billed_at INTEGER;
ALTER TABLE service_periods ADD COLUMN watermark INTEGER;    -- the last usage event that counted
CREATE INDEX service_periods_to_bill ON service_periods (ends_at) WHERE billed_at IS NULL;
CREATE TRIGGER service_periods_billed_stay
BEFORE UPDATE OF number, plan, version, kind, starts_at, ends_at, whole_start, whole_end, billed_at ON service_periods
WHEN OLD.billed_at IS NOT NULL
BEGIN
  SELECT RAISE(ABORT, 'a service period that is billed cannot be changed');
END;

-- What was invoiced of each meter in each service period, adjustments included.
CREATE TABLE booked_usage (
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  period    INTEGER NOT NULL,                -- number of the service period
  meter     TEXT NOT NULL,
  quantity  INTEGER NOT NULL,                -- the meter's smallest unit
  amount    INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, period, meter)
);

-- What invoices that came to less than nothing left to the next ones.
CREATE TABLE credit_balances (
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  currency  TEXT NOT NULL,
  amount    INTEGER NOT NULL CHECK (amount >= 0),
  PRIMARY KEY (tenant_id, currency)
);

CREATE TABLE billing_settings (
  tenant_id   TEXT PRIMARY KEY REFERENCES tenants (id),
  tax_name    TEXT NOT NULL,
  tax_percent TEXT NOT NULL,                 -- decimal
  tax_id      TEXT
);

-- The last number of each series of documents; the next one is one more.
CREATE TABLE document_numbers (
  series TEXT PRIMARY KEY CHECK (series IN ('invoice', 'credit_note')),
  last   INTEGER NOT NULL
);

CREATE TABLE invoices (
  id                TEXT PRIMARY KEY,
  tenant_id         TEXT NOT NULL REFERENCES tenants (id),
  closes            INTEGER NOT NULL,        -- number of the service period that was closed
  number            TEXT UNIQUE,             -- NULL until it is final
  status            TEXT NOT NULL CHECK (status IN ('draft', 'final', 'paid', 'void', 'uncollectible')),
  currency          TEXT NOT NULL,
  period_from       INTEGER NOT NULL,
  period_to         INTEGER NOT NULL,
  subtotal          INTEGER NOT NULL,
  tax               INTEGER NOT NULL,
  total             INTEGER NOT NULL CHECK (total = subtotal + tax AND total >= 0),
  credited          INTEGER NOT NULL DEFAULT 0 CHECK (credited BETWEEN 0 AND total),  -- by credit notes
  document          TEXT NOT NULL,           -- canonical JSON
  digest            TEXT NOT NULL,           -- SHA-256 of it
  stripe_invoice_id TEXT,
  drafted_at        INTEGER NOT NULL,
  issued_at         INTEGER,
  due_at            INTEGER,
  paid_at           INTEGER,
  voided_at         INTEGER,
  given_up_at       INTEGER,
  kept              INTEGER NOT NULL DEFAULT 0 CHECK (kept IN (0, 1)),  -- whether the tenant's file has it as it stands
  CHECK ((number IS NULL) = (status = 'draft') AND (number IS NULL) = (issued_at IS NULL))
);
CREATE INDEX invoices_by_tenant ON invoices (tenant_id, closes);
CREATE INDEX invoices_drafts ON invoices (drafted_at) WHERE status = 'draft';
CREATE INDEX invoices_open ON invoices (due_at) WHERE status = 'final';
CREATE INDEX invoices_to_keep ON invoices (id) WHERE kept = 0 AND status <> 'draft';

CREATE TRIGGER invoices_final_stay
BEFORE UPDATE OF id, tenant_id, closes, number, currency, period_from, period_to, subtotal, tax, total, document, digest,
  drafted_at, issued_at, due_at ON invoices
WHEN OLD.status <> 'draft'
BEGIN
  SELECT RAISE(ABORT, 'a final invoice cannot be changed');
END;
CREATE TRIGGER invoices_go_one_way BEFORE UPDATE OF status ON invoices
WHEN NOT ((OLD.status = 'draft' AND NEW.status = 'final')
       OR (OLD.status = 'final' AND NEW.status IN ('paid', 'void', 'uncollectible'))
       OR (OLD.status = 'uncollectible' AND NEW.status IN ('paid', 'void')))
BEGIN
  SELECT RAISE(ABORT, 'an invoice cannot become that');
END;
CREATE TRIGGER invoices_final_are_kept BEFORE DELETE ON invoices
WHEN OLD.status <> 'draft'
BEGIN
  SELECT RAISE(ABORT, 'a final invoice cannot be removed');
END;

CREATE TABLE invoice_lines (
  invoice_id     TEXT NOT NULL REFERENCES invoices (id) ON DELETE CASCADE,
  position       INTEGER NOT NULL,           -- from 1
  id             TEXT NOT NULL UNIQUE,
  kind           TEXT NOT NULL CHECK (kind IN ('fee', 'usage', 'adjustment', 'credit', 'tax')),
  meter          TEXT,
  description    TEXT NOT NULL,
  quantity       TEXT NOT NULL,              -- decimal
  unit           TEXT,                       -- decimal: minor units for each
  amount         INTEGER NOT NULL,
  seq_from       INTEGER,
  seq_to         INTEGER,
  events         INTEGER,
  digest         TEXT,
  stripe_item_id TEXT,
  PRIMARY KEY (invoice_id, position)
);
CREATE TRIGGER invoice_lines_final_stay
BEFORE UPDATE OF invoice_id, position, id, kind, meter, description, quantity, unit, amount, seq_from, seq_to, events, digest
ON invoice_lines
WHEN EXISTS (SELECT 1 FROM invoices WHERE id = OLD.invoice_id AND status <> 'draft')
BEGIN
  SELECT RAISE(ABORT, 'a final invoice cannot be changed');
END;
CREATE TRIGGER invoice_lines_final_are_all BEFORE INSERT ON invoice_lines
WHEN EXISTS (SELECT 1 FROM invoices WHERE id = NEW.invoice_id AND status <> 'draft')
BEGIN
  SELECT RAISE(ABORT, 'a final invoice cannot be changed');
END;
CREATE TRIGGER invoice_lines_final_are_kept BEFORE DELETE ON invoice_lines
WHEN EXISTS (SELECT 1 FROM invoices WHERE id = OLD.invoice_id AND status <> 'draft')
BEGIN
  SELECT RAISE(ABORT, 'a final invoice cannot be changed');
END;

-- What was taken back of final invoices, each with a number of its own.
CREATE TABLE credit_notes (
  id         TEXT PRIMARY KEY,
  tenant_id  TEXT NOT NULL REFERENCES tenants (id),
  invoice_id TEXT NOT NULL REFERENCES invoices (id),
  number     TEXT NOT NULL UNIQUE,
  amount     INTEGER NOT NULL CHECK (amount > 0),
  reason     TEXT NOT NULL,
  issued_at  INTEGER NOT NULL
);
CREATE INDEX credit_notes_by_invoice ON credit_notes (invoice_id, issued_at);
CREATE TRIGGER credit_notes_stay BEFORE UPDATE ON credit_notes
BEGIN
  SELECT RAISE(ABORT, 'a credit note cannot be changed');
END;
CREATE TRIGGER credit_notes_are_kept BEFORE DELETE ON credit_notes
BEGIN
  SELECT RAISE(ABORT, 'a credit note cannot be removed');
END;

-- Whether it owes for longer than is waited for: it can be read and paid for, and nothing else.
ALTER TABLE tenants ADD COLUMN unpaid INTEGER NOT NULL DEFAULT 0 CHECK (unpaid IN (0, 1));
