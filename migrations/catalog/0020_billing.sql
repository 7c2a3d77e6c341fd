-- Credit belongs to the documents of the biller that left it: `amount` is what ours left.
ALTER TABLE credit_balances ADD COLUMN at_stripe INTEGER NOT NULL DEFAULT 0 CHECK (at_stripe >= 0);     -- what statements to Stripe's left
ALTER TABLE credit_balances ADD COLUMN given_here INTEGER NOT NULL DEFAULT 0 CHECK (given_here >= 0);   -- carried from there to ours
-- So far there was one for both: it is of whoever sent the last document in that currency.
UPDATE credit_balances SET at_stripe = amount, amount = 0
WHERE 1 = (SELECT i.by_stripe FROM invoices i
           WHERE i.tenant_id = credit_balances.tenant_id AND i.currency = credit_balances.currency
           ORDER BY i.closes DESC, i.id DESC LIMIT 1);
