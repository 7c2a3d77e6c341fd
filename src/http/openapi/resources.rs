//! Schemas of the main resources, in one table. A field that ends in `?` may be missing.

use super::shared::reference;
use super::{
    backups, invoices, jobs, mailbox, members, migrations, places, plans, stripe, telemetry, usage, webhooks,
};
use serde_json::{Map, Value, json};

/// Fields of an object and their types: `text`, `time`, `integer`, `decimal` (an integer or a text), `flag`, `object`, `any`, the name of another schema,
/// one of these in `[..]` for an array, and `|null` behind it. The field `..` stands for all fields of another schema.
pub(super) type Shape = (&'static str, &'static [Field]);

type Field = (&'static str, &'static str);

const SHAPES: &[Shape] = &[
    ("NewTenant", &[("name", "text"), ("slug?", "text")]),
    ("SignUp", &[("email", "text"), ("password", "text"), ("name", "text"), ("tenant?", "NewTenant")]),
    ("SignUpMode", &[("mode", "text")]),
    ("SignIn", &[("email", "text"), ("password", "text")]),
    (
        "SignInStep",
        &[
            ("access_token?", "text"),
            ("token_type?", "text"),
            ("expires_in?", "integer"),
            ("refresh_token?", "text"),
            ("mfa_required?", "flag"),
            ("mfa_token?", "text"),
        ],
    ),
    ("SecondStep", &[("mfa_token", "text"), ("code", "text")]),
    ("StepUp", &[("password?", "text"), ("code?", "text")]),
    ("Code", &[("code", "text")]),
    ("Enrolment", &[("secret", "text"), ("otpauth_uri", "text")]),
    ("RecoveryCodes", &[("recovery_codes", "[text]")]),
    ("PasswordChange", &[("current_password", "text"), ("new_password", "text")]),
    ("PasswordReset", &[("token", "text"), ("new_password", "text")]),
    ("PasswordProof", &[("password", "text"), ("code?", "text")]),
    ("EmailChange", &[("new_email", "text"), ("password", "text"), ("code?", "text")]),
    ("Address", &[("email", "text")]),
    ("SessionsToEnd", &[("email?", "text"), ("everybody?", "flag")]),
    ("SessionsEnded", &[("sessions_ended", "integer")]),
    ("Refresh", &[("refresh_token", "text")]),
    (
        "Tokens",
        &[
            ("access_token?", "text"),
            ("token_type?", "text"),
            ("expires_in", "integer"),
            ("refresh_token?", "text"),
        ],
    ),
    (
        "SignedUp",
        &[
            ("identity", "Identity"),
            ("tenant?", "Tenant"),
            ("access_token?", "text"),
            ("token_type?", "text"),
            ("expires_in", "integer"),
            ("refresh_token?", "text"),
        ],
    ),
    ("VerificationSent", &[("status", "text")]),
    (
        "Session",
        &[
            ("id", "text"),
            ("created_at", "time"),
            ("last_used_at", "time"),
            ("user_agent", "text"),
            ("address", "text"),
            ("current", "flag"),
        ],
    ),
    (
        "Identity",
        &[
            ("id", "text"),
            ("email", "text"),
            ("email_verified", "flag"),
            ("name", "text"),
            ("operator", "flag"),
            ("created_at", "time"),
        ],
    ),
    ("Me", &[("..", "Identity"), ("second_factor", "flag"), ("memberships", "[Membership]")]),
    ("MeChange", &[("name?", "text")]),
    ("TenantName", &[("id", "text"), ("slug", "text"), ("name", "text"), ("status", "text")]),
    ("Membership", &[("tenant", "TenantName"), ("role", "text"), ("permissions", "[text]")]),
    (
        "Tenant",
        &[
            ("id", "text"),
            ("slug", "text"),
            ("name", "text"),
            ("status", "text"),
            ("plan", "any"),
            ("timezone", "text"),
            ("settings", "object"),
            ("second_factor_required", "flag"),
            ("created_at", "time"),
            ("erase_after?", "time"),
            ("role?", "text"),
        ],
    ),
    (
        "TenantChange",
        &[
            ("name?", "text"),
            ("slug?", "text"),
            ("timezone?", "text"),
            ("settings?", "object"),
            ("second_factor_required?", "flag"),
        ],
    ),
    ("Confirmation", &[("confirm", "text")]),
    ("Erasing", &[("confirm", "text"), ("stripe_customer?", "flag")]),
    ("Closing", &[("stripe_customer?", "flag")]),
    ("Token", &[("token", "text")]),
    (
        "TableDescription",
        &[
            ("name", "text"),
            ("kind", "text"),
            ("key", "[text]"),
            ("columns", "[object]"),
            ("permissions", "[text]"),
        ],
    ),
    ("Record", &[]),
    ("Batch", &[("operations", "[object]")]),
    ("BatchDone", &[("items", "[object]")]),
    ("Sql", &[("sql", "text"), ("params?", "any")]),
    (
        "SqlResult",
        &[("columns", "[text]"), ("rows", "[any]"), ("truncated", "flag"), ("duration_ms", "integer")],
    ),
    (
        "RecordChange",
        &[
            ("seq", "integer"),
            ("at", "time"),
            ("op", "text"),
            ("table", "text"),
            ("id", "text|null"),
            ("record", "object|null"),
            ("record_omitted?", "flag"),
            ("actor", "text"),
        ],
    ),
    ("Changes", &[("items", "[RecordChange]"), ("last_seq", "integer"), ("has_more", "flag")]),
    (
        "StoredFile",
        &[
            ("path", "text"),
            ("size", "integer"),
            ("sha256", "text"),
            ("content_type", "text"),
            ("created_at", "time"),
            ("created_by", "text"),
            ("updated_at", "time"),
            ("updated_by", "text"),
        ],
    ),
    (
        "Export",
        &[
            ("id", "text"),
            ("status", "text"),
            ("progress", "integer"),
            ("requested_by", "text"),
            ("created_at", "time"),
            ("finished_at", "time|null"),
            ("expires_at", "time|null"),
            ("size_bytes", "integer|null"),
            ("sha256", "text|null"),
            ("error", "text|null"),
        ],
    ),
    (
        "Import",
        &[
            ("id", "text"),
            ("status", "text"),
            ("progress", "integer"),
            ("error", "text|null"),
            ("name", "text|null"),
            ("slug", "text|null"),
            ("invite_members", "flag"),
            ("size_bytes", "integer|null"),
            ("sha256", "text|null"),
            ("preview", "object|null"),
            ("tenant", "object|null"),
            ("created_at", "time"),
            ("finished_at", "time|null"),
            ("expires_at", "time|null"),
        ],
    ),
    ("ImportApplied", &[("name?", "text"), ("slug?", "text"), ("invite_members?", "flag")]),
    (
        "AuditEntry",
        &[
            ("seq", "integer"),
            ("at", "time"),
            ("actor", "text"),
            ("session", "text"),
            ("action", "text"),
            ("target", "text"),
            ("address", "text"),
            ("details", "any"),
            ("prev_hash", "text"),
            ("hash", "text"),
        ],
    ),
    ("Document", &[("openapi", "text"), ("info", "object"), ("paths", "object"), ("components", "object")]),
    ("SetUp", &[("token", "text"), ("email", "text"), ("name", "text"), ("password", "text")]),
    ("Receipt", &[("statement", "text"), ("public_key", "text"), ("signature", "text")]),
    ("Erasure", &[("tenant_id", "text"), ("receipt", "Receipt")]),
];

fn shapes() -> impl Iterator<Item = &'static Shape> {
    let billing = plans::SHAPES.iter().chain(stripe::SHAPES).chain(usage::SHAPES).chain(invoices::SHAPES);
    let work = jobs::SHAPES.iter().chain(mailbox::SHAPES).chain(webhooks::SHAPES);
    SHAPES
        .iter()
        .chain(members::SHAPES)
        .chain(billing)
        .chain(work)
        .chain(migrations::SHAPES)
        .chain(telemetry::SHAPES)
        .chain(backups::SHAPES)
        .chain(places::SHAPES)
}

/// All schemas, by name.
pub(super) fn schemas() -> Map<String, Value> {
    let mut schemas: Map<String, Value> =
        shapes().map(|(name, fields)| ((*name).to_owned(), shape(fields))).collect();
    let record = reference("schemas", "Record");
    let records = json!({ "anyOf": [record, { "type": "array", "maxItems": 1000, "items": record }] });
    schemas.insert("Records".to_owned(), records);
    let event = reference("schemas", "NewUsageEvent");
    let events = json!({ "anyOf": [event, { "type": "array", "maxItems": 1000, "items": event }] });
    schemas.insert("NewUsageEvents".to_owned(), events);
    schemas
}

/// The fields themselves, those of another schema among them.
fn whole(fields: &'static [Field]) -> impl Iterator<Item = &'static Field> {
    fields.iter().flat_map(|field| match field {
        ("..", other) => shapes().find(|(name, _)| name == other).map_or(&[][..], |(_, fields)| fields),
        _ => std::slice::from_ref(field),
    })
}

fn shape(fields: &'static [Field]) -> Value {
    let name = |field: &str| field.trim_end_matches('?').to_owned();
    let properties: Map<String, Value> =
        whole(fields).map(|(field, kind)| (name(field), schema(kind))).collect();
    let required: Vec<String> =
        whole(fields).filter(|(field, _)| !field.ends_with('?')).map(|(field, _)| name(field)).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

/// The schema that a word of [`SHAPES`] stands for.
fn schema(kind: &str) -> Value {
    if let Some(kind) = kind.strip_suffix("|null") {
        let mut schema = schema(kind);
        schema["type"] = json!([schema["type"], "null"]);
        return schema;
    }
    if let Some(item) = kind.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return json!({ "type": "array", "items": schema(item) });
    }
    match kind {
        "text" => json!({ "type": "string" }),
        "time" => json!({ "type": "string", "format": "date-time" }),
        "integer" => json!({ "type": "integer" }),
        "decimal" => json!({ "type": ["integer", "string"] }),
        "flag" => json!({ "type": "boolean" }),
        "object" => json!({ "type": "object" }),
        "any" => json!({}),
        name => reference("schemas", name),
    }
}
