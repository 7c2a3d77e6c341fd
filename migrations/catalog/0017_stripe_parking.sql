-- What nobody but an operator may decide is parked with its reason, and what is long goes on where it stopped.

-- Why a subscription counts for nothing here although Stripe collects it: the tenant has another one that does.
ALTER TABLE stripe_subscriptions ADD COLUMN parked TEXT;
UPDATE stripe_subscriptions SET parked = 'the tenant has a newer live subscription, which counts'
WHERE status NOT IN ('canceled', 'incomplete', 'incomplete_expired')
  AND EXISTS (SELECT 1 FROM stripe_subscriptions n WHERE n.tenant_id = stripe_subscriptions.tenant_id
                AND n.status NOT IN ('canceled', 'incomplete', 'incomplete_expired')
                AND (n.created > stripe_subscriptions.created
                     OR (n.created = stripe_subscriptions.created AND n.id > stripe_subscriptions.id)));
CREATE UNIQUE INDEX stripe_subscriptions_one_counts ON stripe_subscriptions (tenant_id)
WHERE parked IS NULL AND status NOT IN ('canceled', 'incomplete', 'incomplete_expired');

-- By which look for drift an object was seen at Stripe last: what was not is gone there.
ALTER TABLE stripe_customers ADD COLUMN compared INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stripe_subscriptions ADD COLUMN compared INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stripe_invoices ADD COLUMN compared INTEGER NOT NULL DEFAULT 0;
-- By which look it was found.
ALTER TABLE stripe_drift ADD COLUMN look INTEGER NOT NULL DEFAULT 0;

-- When the end of a subscription was last on its way to Stripe: for that moment its tenant cannot be reopened.
ALTER TABLE stripe_cancellations ADD COLUMN claimed_at INTEGER;

-- Statements that did not come to Stripe at the first try: when it is tried again, or why not before an operator says so.
CREATE TABLE stripe_statements (
  invoice_id     TEXT PRIMARY KEY REFERENCES invoices (id),
  tenant_id      TEXT NOT NULL REFERENCES tenants (id),
  attempts       INTEGER NOT NULL DEFAULT 0,
  next_at        INTEGER NOT NULL,
  reason         TEXT NOT NULL,
  parked_at      INTEGER,                      -- since when it waits for an operator
  drafts_deleted INTEGER NOT NULL DEFAULT 0    -- at Stripe: the next one is another
);
CREATE INDEX stripe_statements_by_tenant ON stripe_statements (tenant_id);
