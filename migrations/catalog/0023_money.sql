-- Notices of seats that are nearly or wholly taken, each once.
CREATE TABLE seat_notices (
  tenant_id TEXT NOT NULL REFERENCES tenants (id),
  window    TEXT NOT NULL,                    -- hour, day, month, none
  starts_at INTEGER NOT NULL,
  threshold INTEGER NOT NULL,                 -- percent
  allowed   INTEGER NOT NULL,
  at        INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, window, starts_at, threshold, allowed)
);

-- Whether a customer at Stripe is to be told whom its invoices are addressed to: somebody has said so since.
ALTER TABLE stripe_customers ADD COLUMN to_tell INTEGER NOT NULL DEFAULT 0 CHECK (to_tell IN (0, 1));
-- A try failed: not again before that.
ALTER TABLE stripe_customers ADD COLUMN tell_at INTEGER NOT NULL DEFAULT 0;
CREATE INDEX stripe_customers_to_tell ON stripe_customers (tell_at) WHERE to_tell = 1;
UPDATE stripe_customers SET to_tell = 1 WHERE tenant_id IN (SELECT tenant_id FROM billing_details);
