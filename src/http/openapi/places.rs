//! Schemas of volumes, moves and clones.

use super::resources::Shape;

pub(super) const SHAPES: &[Shape] = &[
    (
        "FleetQuery",
        &[
            ("sql", "text"),
            ("params?", "any"),
            ("tenants?", "[text]"),
            ("q?", "text"),
            ("plan?", "text"),
            ("status?", "text"),
            ("all?", "flag"),
            ("after?", "text"),
            ("budget?", "FleetQueryBudget"),
        ],
    ),
    (
        "FleetQueryBudget",
        &[
            ("seconds?", "integer"),
            ("tenant_ms?", "integer"),
            ("rows?", "integer"),
            ("tenant_rows?", "integer"),
            ("bytes?", "integer"),
            ("tenants?", "integer"),
        ],
    ),
    (
        "FleetQueryResult",
        &[
            ("columns", "[text]"),
            ("rows", "[any]"),
            ("truncated", "flag"),
            ("ended_by", "text|null"),
            ("next_after", "text|null"),
            ("tenants", "object"),
            ("cut", "[object]"),
            ("failed", "[object]"),
            ("skipped", "[object]"),
            ("duration_ms", "integer"),
        ],
    ),
    (
        "OperatorTenant",
        &[
            ("..", "Tenant"),
            ("volume", "text"),
            ("copy_of", "text|null"),
            ("is_clone", "flag"),
            ("expires_at", "time|null"),
        ],
    ),
    ("MoveIn", &[("to", "text")]),
    (
        "Move",
        &[
            ("slug", "text"),
            ("tenant_id", "text"),
            ("from", "text"),
            ("to", "text"),
            ("status", "text"),
            ("files", "integer"),
            ("bytes", "integer"),
            ("sha256", "text|null"),
            ("fenced_ms", "integer|null"),
            ("error", "text|null"),
            ("started_by", "text"),
            ("started_at", "time"),
            ("ended_at", "time|null"),
            ("given_up_by", "text|null"),
            ("given_up_at", "time|null"),
            ("total_bytes", "integer|null"),
            ("copied_bytes", "integer|null"),
        ],
    ),
    (
        "Volume",
        &[
            ("name", "text"),
            ("path", "text"),
            ("tenants", "integer"),
            ("free_bytes", "integer|null"),
            ("fault", "text|null"),
        ],
    ),
    ("CloneIn", &[("as", "text"), ("name?", "text"), ("owner?", "text"), ("expires_at?", "time")]),
    ("Expiry", &[("expires_at", "time|null")]),
];
