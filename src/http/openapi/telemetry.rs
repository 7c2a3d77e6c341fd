//! Schemas of what was counted of tenants.

use super::resources::Shape;

pub(super) const SHAPES: &[Shape] = &[
    (
        "TelemetryPoint",
        &[
            ("at", "time"),
            ("until", "time"),
            ("requests", "integer"),
            ("errors", "integer"),
            ("refused", "integer"),
            ("error_rate", "any"),
            ("p50_ms", "any"),
            ("p95_ms", "any"),
            ("p99_ms", "any"),
            ("latency", "[integer]"),
            ("request_ms", "any"),
            ("database_ms", "any"),
            ("rows", "integer"),
            ("bytes_in", "integer"),
            ("bytes_out", "integer"),
            ("jobs", "integer"),
            ("jobs_failed", "integer"),
            ("job_ms", "any"),
        ],
    ),
    (
        "Telemetry",
        &[
            ("tenant_id", "text"),
            ("window", "text"),
            ("from", "time"),
            ("to", "time"),
            ("latency_bounds_us", "[integer]"),
            ("points", "[TelemetryPoint]"),
        ],
    ),
    (
        "LiveFigures",
        &[
            ("tenant", "object"),
            ("requests", "integer"),
            ("errors", "integer"),
            ("refused", "integer"),
            ("error_rate", "any"),
            ("p50_ms", "any"),
            ("p95_ms", "any"),
            ("p99_ms", "any"),
            ("database_ms", "any"),
            ("jobs_failed", "integer"),
        ],
    ),
    (
        "Overview",
        &[
            ("as_of", "time"),
            ("window_seconds", "integer"),
            ("tenants", "integer"),
            ("requests", "integer"),
            ("errors", "integer"),
            ("refused", "integer"),
            ("slow", "[LiveFigures]"),
            ("failing", "[LiveFigures]"),
            ("refused_most", "[LiveFigures]"),
            ("busy", "[LiveFigures]"),
            ("near_limits", "[LiveFigures]"),
        ],
    ),
];
