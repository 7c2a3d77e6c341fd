-- Where Stripe bills, our invoice is the statement to Stripe's: its lines of usage go there, and what becomes of it is
-- what becomes of the one there.
ALTER TABLE invoices ADD COLUMN by_stripe INTEGER NOT NULL DEFAULT 0 CHECK (by_stripe IN (0, 1));
ALTER TABLE invoices ADD COLUMN pushed_at INTEGER;           -- when all its lines of usage were at Stripe
CREATE INDEX invoices_to_push ON invoices (tenant_id) WHERE by_stripe = 1 AND pushed_at IS NULL;
CREATE INDEX invoices_by_stripe_invoice ON invoices (stripe_invoice_id) WHERE stripe_invoice_id IS NOT NULL;
