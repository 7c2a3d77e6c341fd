-- What Stripe told us, each event once. A hint: what counts is what Stripe says when it is asked.
CREATE TABLE stripe_events (
  id           TEXT PRIMARY KEY,               -- Stripe's; our own for a body that has none
  type         TEXT NOT NULL,
  object       TEXT NOT NULL,                  -- id of what it is about; empty where it has none
  customer     TEXT,                           -- Stripe's, where the event names one
  tenant_id    TEXT,                           -- once that is known
  livemode     INTEGER NOT NULL CHECK (livemode IN (0, 1)),
  created      INTEGER NOT NULL,               -- at Stripe, whole seconds there
  received_at  INTEGER NOT NULL,
  source       TEXT NOT NULL CHECK (source IN ('webhook', 'recovery')),
  payload      TEXT NOT NULL,                  -- the body as it came; empty once it is not kept any more
  status       TEXT NOT NULL CHECK (status IN ('pending', 'applied', 'ignored', 'parked', 'failed')),
  changed      TEXT NOT NULL DEFAULT '[]',     -- JSON: sentences that say what it changed
  reason       TEXT,                           -- why it changed nothing, or not all
  attempts     INTEGER NOT NULL DEFAULT 0,
  next_at      INTEGER NOT NULL,               -- while it is pending: when it is tried
  done_at      INTEGER
);
CREATE INDEX stripe_events_pending ON stripe_events (next_at) WHERE status = 'pending';
CREATE INDEX stripe_events_by_arrival ON stripe_events (received_at, id);
CREATE INDEX stripe_events_by_customer ON stripe_events (customer) WHERE customer IS NOT NULL;
CREATE INDEX stripe_events_by_tenant ON stripe_events (tenant_id) WHERE tenant_id IS NOT NULL;

-- Which customer at Stripe is which tenant: linked by us, or by a checkout that we began, never guessed.
CREATE TABLE stripe_customers (
  id         TEXT PRIMARY KEY,
  tenant_id  TEXT NOT NULL UNIQUE REFERENCES tenants (id),
  linked_at  INTEGER NOT NULL
);

-- Checkouts that were begun here.
CREATE TABLE stripe_checkouts (
  id         TEXT PRIMARY KEY,
  tenant_id  TEXT NOT NULL REFERENCES tenants (id),
  plan       TEXT NOT NULL,
  status     TEXT NOT NULL,                    -- Stripe's: open, complete, expired
  payment    TEXT NOT NULL,                    -- Stripe's: unpaid, paid, no_payment_required
  begun_at   INTEGER NOT NULL
);
CREATE INDEX stripe_checkouts_by_tenant ON stripe_checkouts (tenant_id);

-- Subscriptions as Stripe said last.
CREATE TABLE stripe_subscriptions (
  id           TEXT PRIMARY KEY,
  tenant_id    TEXT NOT NULL REFERENCES tenants (id),
  status       TEXT NOT NULL,                  -- Stripe's word
  price        TEXT,                           -- the licensed one
  period_start INTEGER,
  period_end   INTEGER,
  trial_end    INTEGER,
  cancel_at    INTEGER,
  paused       INTEGER NOT NULL CHECK (paused IN (0, 1)),   -- nothing is collected for now
  created      INTEGER NOT NULL,               -- at Stripe
  seen_at      INTEGER NOT NULL
);
CREATE INDEX stripe_subscriptions_by_tenant ON stripe_subscriptions (tenant_id);

-- Invoices as Stripe said last.
CREATE TABLE stripe_invoices (
  id           TEXT PRIMARY KEY,
  tenant_id    TEXT NOT NULL REFERENCES tenants (id),
  subscription TEXT,
  number       TEXT,
  status       TEXT NOT NULL,                  -- Stripe's word: draft, open, paid, void, uncollectible
  currency     TEXT NOT NULL,                  -- in capitals
  total        INTEGER NOT NULL,               -- as Stripe counts
  paid         INTEGER NOT NULL,
  refunded     INTEGER NOT NULL DEFAULT 0,
  disputed     INTEGER NOT NULL DEFAULT 0 CHECK (disputed IN (0, 1)),
  trouble      TEXT,                           -- payment_failed, payment_action_required, finalization_failed
  attempts     INTEGER NOT NULL,               -- to collect
  period_start INTEGER,
  period_end   INTEGER,
  url          TEXT,                           -- where it can be paid
  created      INTEGER NOT NULL,               -- at Stripe
  seen_at      INTEGER NOT NULL
);
CREATE INDEX stripe_invoices_by_tenant ON stripe_invoices (tenant_id, created);

-- Lines of ours at Stripe. Noted before they are sent: an answer that is lost does not send one twice.
CREATE TABLE stripe_items (
  line_id    TEXT PRIMARY KEY,                 -- ours
  tenant_id  TEXT NOT NULL REFERENCES tenants (id),
  invoice    TEXT,                             -- Stripe's, that it was meant for
  currency   TEXT NOT NULL,
  amount     INTEGER NOT NULL,                 -- as Stripe counts
  begun_at   INTEGER NOT NULL,
  item       TEXT,                             -- Stripe's, once it is there
  pushed_at  INTEGER
);
CREATE INDEX stripe_items_by_tenant ON stripe_items (tenant_id);

-- Where Stripe and this catalog differed when that was last looked at.
CREATE TABLE stripe_drift (
  object      TEXT NOT NULL,                   -- Stripe's id
  kind        TEXT NOT NULL,                   -- customer, subscription, invoice
  field       TEXT NOT NULL,
  tenant_id   TEXT,
  here        TEXT,
  there       TEXT,
  found_at    INTEGER NOT NULL,
  repaired_at INTEGER,
  PRIMARY KEY (object, field)
);

-- Subscriptions of tenants that leave, to be ended at Stripe: without a word of whose they are, since the tenant may be gone.
CREATE TABLE stripe_cancellations (
  subscription TEXT PRIMARY KEY,
  asked_at     INTEGER NOT NULL,
  attempts     INTEGER NOT NULL DEFAULT 0,
  next_at      INTEGER NOT NULL,
  done_at      INTEGER
);
