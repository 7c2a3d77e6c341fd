-- Which tenants may have jobs, so that a start finds them without opening every file. Written before the first job of an
-- idle tenant, and again only when it has been quiet for a while: a hint may be there for nothing, a job never without one.
CREATE TABLE job_hints (
  tenant_id  TEXT PRIMARY KEY REFERENCES tenants (id),
  next_due   INTEGER NOT NULL,   -- when to look
  busy_until INTEGER NOT NULL    -- until then jobs may be enqueued without another word
);
