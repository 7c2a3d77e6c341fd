//! Schemas of migrations of the fleet.

use super::resources::Shape;

pub(super) const SHAPES: &[Shape] = &[
    (
        "MigrationRunIn",
        &[
            ("canary_plan?", "text"),
            ("canary?", "integer"),
            ("canary_tenants?", "[text]"),
            ("parallel?", "integer"),
            ("halt_at_errors?", "text"),
            ("no_snapshot_above?", "integer"),
            ("retry?", "flag"),
            ("release?", "flag"),
        ],
    ),
    ("RollbackIn", &[("tenant", "text"), ("to?", "integer"), ("discard_writes?", "flag")]),
    (
        "Rollback",
        &[
            ("tenant_id", "text"),
            ("slug", "text"),
            ("app", "integer"),
            ("system", "integer"),
            ("state", "text"),
            ("copied_at", "time"),
            ("discarded_writes", "integer"),
            ("kept_until", "time"),
        ],
    ),
    (
        "MigrationRun",
        &[
            ("id", "text"),
            ("status", "text"),
            ("stage", "text"),
            ("system", "integer"),
            ("app", "integer"),
            ("parallel", "integer"),
            ("halt_at_errors", "text"),
            ("snapshot_bytes", "integer|null"),
            ("canaries", "integer"),
            ("migrated", "integer"),
            ("failed", "integer"),
            ("reason", "text|null"),
            ("started_by", "text"),
            ("started_at", "time"),
            ("ended_at", "time|null"),
        ],
    ),
    ("VersionCount", &[("state", "text"), ("system", "integer"), ("app", "integer"), ("tenants", "integer")]),
    (
        "MigrationPlan",
        &[
            ("system", "integer"),
            ("app", "integer"),
            ("migrations", "[text]"),
            ("tenants", "integer"),
            ("current", "integer"),
            ("pending", "integer"),
            ("failed", "integer"),
            ("held", "integer"),
            ("versions", "[VersionCount]"),
            ("run", "MigrationRun|null"),
        ],
    ),
    (
        "TenantVersion",
        &[
            ("tenant_id", "text"),
            ("slug", "text"),
            ("state", "text"),
            ("system", "integer"),
            ("app", "integer"),
            ("error", "text|null"),
            ("took_ms", "integer|null"),
            ("snapshot", "text|null"),
            ("snapshot_until", "time|null"),
            ("changed_at", "time"),
        ],
    ),
];
