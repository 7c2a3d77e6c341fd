-- The scheduler looks through partial indexes. Beside a plain one over the status SQLite takes that, and goes through
-- all that is queued at each look. Lists and counts ask for the expression, which nothing else does.
DROP INDEX _jobs_by_status;
CREATE INDEX _jobs_by_status ON _jobs ((status || ''), id);
