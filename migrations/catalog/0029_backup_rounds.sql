-- Whether a round was of all tenants and of the catalog: the next one is due after the last of those that came to its end.
ALTER TABLE backup_runs ADD COLUMN of_all INTEGER NOT NULL DEFAULT 0;
