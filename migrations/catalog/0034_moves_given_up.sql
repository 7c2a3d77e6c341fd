-- Moves that an operator gave up before they were decided: from then on they are not decided any more. `status` stays
-- 'copying' until what was copied is removed, then it is 'failed': what the move is then, both columns tell.
ALTER TABLE tenant_moves ADD COLUMN given_up_by TEXT;
ALTER TABLE tenant_moves ADD COLUMN given_up_at INTEGER;
