-- What is to be done again and again. A firing enqueues its job and moves next_run_at in one transaction.
CREATE TABLE _schedules (
  id          TEXT PRIMARY KEY NOT NULL,
  cron        TEXT NOT NULL,
  timezone    TEXT NOT NULL,
  kind        TEXT NOT NULL,
  payload     TEXT NOT NULL,              -- JSON
  missed      TEXT NOT NULL,              -- skip, once
  paused      INTEGER NOT NULL DEFAULT 0,
  next_run_at INTEGER,                    -- none while it is paused
  reckoned_at INTEGER NOT NULL,           -- when that was worked out: a clock that was set back shows by it
  last_run_at INTEGER,
  last_job_id TEXT,
  last_error  TEXT,                       -- why the last firing enqueued nothing
  created_by  TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL
);
CREATE INDEX _schedules_next ON _schedules (next_run_at) WHERE next_run_at IS NOT NULL;

-- How many jobs were enqueued by quarters of an hour, but for those of the server's own: what the limit of jobs.run counts.
CREATE TABLE _jobs_enqueued (
  starts_at INTEGER PRIMARY KEY NOT NULL,
  jobs      INTEGER NOT NULL
);

-- Jobs of a file that was restored or cloned are held until somebody releases them (DESIGN 13).
CREATE TABLE _jobs_held (
  only_row INTEGER PRIMARY KEY NOT NULL CHECK (only_row = 1),
  reason   TEXT NOT NULL,
  held_at  INTEGER NOT NULL
);
