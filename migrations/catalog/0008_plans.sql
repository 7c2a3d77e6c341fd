-- Plans become documents. What stood here were titles, and every tenant was on the one that is published anew.
DROP TABLE plans;
CREATE TABLE plans (
  key          TEXT NOT NULL,
  version      INTEGER NOT NULL,               -- from 1
  document     TEXT NOT NULL,                  -- canonical JSON
  digest       TEXT NOT NULL,                  -- SHA-256 of it
  seats        INTEGER,                        -- what the document says of them; NULL: any number
  published_at INTEGER NOT NULL,
  PRIMARY KEY (key, version)
);
-- A published version is what customers agreed to.
CREATE TRIGGER plans_are_immutable BEFORE UPDATE ON plans
BEGIN
  SELECT RAISE(ABORT, 'a plan version cannot be changed; publish another');
END;
CREATE TRIGGER plans_stay BEFORE DELETE ON plans
BEGIN
  SELECT RAISE(ABORT, 'a plan version cannot be removed');
END;

-- Raised with whatever changes of what a tenant may use. Its file keeps a copy, with this number.
ALTER TABLE tenants ADD COLUMN entitlements INTEGER NOT NULL DEFAULT 0;

-- On which plan a tenant is, and in which of its periods. tenants.plan and plan_version say the same.
CREATE TABLE subscriptions (
  tenant_id    TEXT PRIMARY KEY REFERENCES tenants (id),
  plan         TEXT NOT NULL,
  version      INTEGER NOT NULL,
  interval     TEXT NOT NULL CHECK (interval IN ('month', 'year')),
  status       TEXT NOT NULL CHECK (status IN ('trialing', 'active', 'past_due', 'canceled')),
  timezone     TEXT NOT NULL,                  -- that its periods go by; another one counts from the next period on
  anchor       INTEGER NOT NULL,               -- periods are counted from there
  number       INTEGER NOT NULL,               -- of the period that it is in, from 0; -1 is the trial before
  period_start INTEGER NOT NULL,
  period_end   INTEGER NOT NULL,
  trial_end    INTEGER,
  next_plan    TEXT,                           -- what it changes to at period_end
  next_version INTEGER,
  spend_cap    INTEGER,                        -- minor units; NULL: none
  FOREIGN KEY (plan, version) REFERENCES plans (key, version),
  FOREIGN KEY (next_plan, next_version) REFERENCES plans (key, version),
  CHECK ((next_plan IS NULL) = (next_version IS NULL))
);
CREATE INDEX subscriptions_by_end ON subscriptions (period_end);
CREATE INDEX subscriptions_by_plan ON subscriptions (plan, version);
CREATE INDEX subscriptions_by_next_plan ON subscriptions (next_plan, next_version) WHERE next_plan IS NOT NULL;

-- Stretches of time on one version of one plan, one after the other without a gap: what is rated and billed as one.
CREATE TABLE service_periods (
  tenant_id   TEXT NOT NULL REFERENCES tenants (id),
  number      INTEGER NOT NULL,                -- from 1
  plan        TEXT NOT NULL,
  version     INTEGER NOT NULL,
  kind        TEXT NOT NULL CHECK (kind IN ('trial', 'regular')),
  starts_at   INTEGER NOT NULL,
  ends_at     INTEGER NOT NULL,
  whole_start INTEGER NOT NULL,                -- the period that it is all or a part of
  whole_end   INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, number),
  FOREIGN KEY (plan, version) REFERENCES plans (key, version),
  CHECK (whole_start <= starts_at AND starts_at <= ends_at AND ends_at <= whole_end)
);
