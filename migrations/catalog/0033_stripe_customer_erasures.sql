-- Customers at Stripe that are to be deleted with their tenants. Gone with the receipt, or with the one that amends it where
-- Stripe was away as the tenant was erased: until then the id of the customer is kept here.
CREATE TABLE stripe_customer_erasures (
  tenant_id TEXT PRIMARY KEY REFERENCES tenants (id),
  asked_at  INTEGER NOT NULL,
  customer  TEXT,                              -- since Stripe was first asked
  attempts  INTEGER NOT NULL DEFAULT 0,
  next_at   INTEGER NOT NULL DEFAULT 0,
  outcome   TEXT CHECK (outcome IN ('deleted', 'gone'))
);
CREATE INDEX stripe_customer_erasures_due ON stripe_customer_erasures (next_at) WHERE outcome IS NULL;
