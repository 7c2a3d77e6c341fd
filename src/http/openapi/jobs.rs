//! Schemas of jobs.

use super::resources::Shape;

pub(super) const SHAPES: &[Shape] = &[
    (
        "NewJob",
        &[
            ("kind", "text"),
            ("payload?", "any"),
            ("run_at?", "time"),
            ("priority?", "integer"),
            ("idempotency_key?", "text"),
        ],
    ),
    (
        "Job",
        &[
            ("id", "text"),
            ("kind", "text"),
            ("status", "text"),
            ("priority", "integer"),
            ("run_at", "time"),
            ("attempts", "integer"),
            ("max_attempts", "integer"),
            ("progress", "integer|null"),
            ("message", "text|null"),
            ("last_error", "text|null"),
            ("idempotency_key", "text|null"),
            ("created_by", "text"),
            ("created_at", "time"),
            ("finished_at", "time|null"),
        ],
    ),
    ("WholeJob", &[("..", "Job"), ("payload", "any"), ("result", "any")]),
    (
        "JobCompletion",
        &[
            ("token", "text"),
            ("status?", "text"),
            ("result?", "any"),
            ("error?", "text"),
            ("progress?", "integer"),
            ("message?", "text"),
        ],
    ),
    ("JobCompleted", &[("id", "text"), ("status", "text")]),
];
