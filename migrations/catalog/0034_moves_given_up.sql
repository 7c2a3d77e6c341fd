-- Moves that an operator gave up before they were decided: from then on they are not decided any more.
ALTER TABLE tenant_moves ADD COLUMN given_up_by TEXT;
ALTER TABLE tenant_moves ADD COLUMN given_up_at INTEGER;
