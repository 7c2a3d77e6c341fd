//! What SQLite may be asked to do on a connection that serves requests.
//!
//! Even an injected statement cannot leave its file: ATTACH, DETACH and extension loading are refused for
//! everyone. Tables whose names begin with `_` are ours: the app's statements, triggers and views cannot touch
//! them. An authorizer runs when a statement is prepared, so [`super::Tx`] sets the speaker around prepare and run.

use super::guard::{Guard, Speaker};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// PRAGMAs that only tell, and that virtual tables such as FTS5 or our introspection need.
const READING_PRAGMAS: [&str; 10] = [
    "table_xinfo",
    "table_info",
    "table_list",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
    "foreign_key_check",
    "data_version",
    "schema_version",
];

pub(super) fn authorize(guard: &Guard, context: &AuthContext<'_>) -> Authorization {
    use AuthAction as A;
    let speaker = guard.speaker();
    let allowed = match &context.action {
        A::Attach { .. } | A::Detach { .. } | A::Unknown { .. } => false,
        A::Function { function_name } => !function_name.eq_ignore_ascii_case("load_extension"),
        A::Pragma { pragma_name, pragma_value } => match speaker {
            Speaker::System => true,
            Speaker::App | Speaker::Migration => {
                // SQLite itself runs quick_check inside ALTER TABLE .. ADD COLUMN .. CHECK.
                (READING_PRAGMAS.contains(pragma_name)
                    || (*pragma_name == "quick_check" && speaker == Speaker::Migration))
                    && pragma_value.is_none_or(|name| !name.starts_with('_'))
            }
        },
        A::Read { table_name, .. }
        | A::Insert { table_name }
        | A::Update { table_name, .. }
        | A::Delete { table_name } => !is_ours(table_name) || speaker == Speaker::System,
        A::Select | A::Recursive => true,
        A::CreateIndex { index_name: name, table_name: on }
        | A::DropIndex { index_name: name, table_name: on }
        | A::DropTrigger { trigger_name: name, table_name: on }
        | A::CreateTrigger { trigger_name: name, table_name: on } => may_define(speaker, &[name, on]),
        A::CreateTable { table_name: name }
        | A::CreateView { view_name: name }
        | A::DropTable { table_name: name }
        | A::DropView { view_name: name }
        | A::AlterTable { table_name: name, .. }
        | A::CreateVtable { table_name: name, .. }
        | A::DropVtable { table_name: name, .. }
        | A::Analyze { table_name: name }
        | A::Reindex { index_name: name } => may_define(speaker, &[name]),
        // BEGIN and SAVEPOINT are ours. TEMP objects outlive the statement on a connection that is shared by requests.
        _ => speaker == Speaker::System,
    };
    if allowed { Authorization::Allow } else { Authorization::Deny }
}

fn may_define(speaker: Speaker, names: &[&str]) -> bool {
    match speaker {
        Speaker::System => true,
        Speaker::Migration => names.iter().all(|name| !is_ours(name)),
        Speaker::App => false,
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with('_')
}
