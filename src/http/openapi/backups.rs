//! Schemas of backups.

use super::resources::Shape;

pub(super) const SHAPES: &[Shape] = &[
    ("RestoreIn", &[("at?", "time"), ("backup?", "text"), ("as?", "text"), ("discard_live?", "flag")]),
    (
        "LostNumbers",
        &[
            ("changes_after", "integer"),
            ("changes_before", "integer"),
            ("events_after", "integer"),
            ("events_before", "integer"),
        ],
    ),
    ("LaterWrites", &[("count", "integer"), ("since", "time|null")]),
    (
        "Restored",
        &[
            ("tenant_id", "text"),
            ("slug", "text"),
            ("backup", "text"),
            ("taken_at", "time"),
            ("epoch", "integer"),
            ("discarded", "LaterWrites|null"),
            ("lost", "LostNumbers|null"),
            ("before", "text|null"),
            ("missing_uploads", "[text]"),
            ("jobs_held", "flag"),
        ],
    ),
    (
        "BackupState",
        &[
            ("store", "text"),
            ("last_round", "BackupRun|null"),
            ("last_verified_at", "time|null"),
            ("due", "integer"),
            ("failures", "[BackupFailure]"),
        ],
    ),
    ("BackupFailure", &[("slug", "text"), ("error", "text")]),
    ("BackupRunIn", &[("tenant?", "text"), ("full?", "flag")]),
    (
        "BackupRun",
        &[
            ("id", "text"),
            ("status", "text"),
            ("tenants", "integer"),
            ("stored", "integer"),
            ("unchanged", "integer"),
            ("failed", "integer"),
            ("stored_bytes", "integer"),
            ("pruned", "integer"),
            ("error", "text|null"),
            ("started_by", "text"),
            ("started_at", "time"),
            ("ended_at", "time|null"),
        ],
    ),
    (
        "Backup",
        &[
            ("id", "text"),
            ("tenant_id", "text|null"),
            ("slug", "text|null"),
            ("taken_at", "time"),
            ("epoch", "integer"),
            ("system", "integer"),
            ("app", "integer"),
            ("change_seq", "integer"),
            ("event_seq", "integer"),
            ("size_bytes", "integer"),
            ("stored_bytes", "integer"),
            ("sha256", "text"),
            ("files", "integer"),
            ("file_bytes", "integer"),
            ("keep_until", "time|null"),
            ("verified_at", "time|null"),
            ("fault", "text|null"),
        ],
    ),
];
