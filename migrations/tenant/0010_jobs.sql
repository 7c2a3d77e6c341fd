-- Work that is to be done behind the answer, enqueued in the transaction that made it necessary (DESIGN 8).
CREATE TABLE _jobs (
  id              TEXT PRIMARY KEY NOT NULL,
  kind            TEXT NOT NULL,
  payload         TEXT NOT NULL,              -- JSON
  status          TEXT NOT NULL,              -- queued, running, succeeded, dead, cancelled
  due             INTEGER NOT NULL DEFAULT 0, -- whether run_at has come, as far as anybody has looked
  priority        INTEGER NOT NULL,           -- higher ones first
  run_at          INTEGER NOT NULL,
  attempts        INTEGER NOT NULL DEFAULT 0, -- that count
  spared          INTEGER NOT NULL DEFAULT 0, -- that do not: the server ended, or the handler asked to wait
  max_attempts    INTEGER NOT NULL,
  lease           TEXT,                       -- whoever has it may say what became of the job
  lease_until     INTEGER,
  runner          TEXT,                       -- a run of a server; empty while a handler works on after its answer
  progress        INTEGER,                    -- percent
  message         TEXT,
  last_error      TEXT,
  idempotency_key TEXT,
  created_by      TEXT NOT NULL,
  created_at      INTEGER NOT NULL,
  finished_at     INTEGER,
  result          TEXT                        -- JSON
);
CREATE UNIQUE INDEX _jobs_once ON _jobs (kind, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX _jobs_due ON _jobs (kind, priority DESC, run_at, id) WHERE status = 'queued' AND due = 1;
CREATE INDEX _jobs_later ON _jobs (run_at) WHERE status = 'queued' AND due = 0;
CREATE INDEX _jobs_running ON _jobs (lease_until) WHERE status = 'running';
CREATE INDEX _jobs_finished ON _jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX _jobs_by_status ON _jobs (status, id);
