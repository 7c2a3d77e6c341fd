//! What the connection of a console may be asked to do: select what is readable, by functions that are listed.

use super::functions::{self, TABLES};
use super::readable::Readable;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// What the authorizer of one connection knows.
pub(super) struct Watch {
    /// Tables and views of the file, in lower case.
    in_file: BTreeSet<String>,
    /// Modules that may be used like tables, in lower case.
    modules: BTreeSet<String>,
    readable: Readable,
    /// Whether the statement is being stepped: what is prepared then are FTS5's own statements.
    is_running: AtomicBool,
    /// Whether SQLite's word for the view in which a column is read can be believed.
    names_views: AtomicBool,
    /// What was refused first.
    refusal: Mutex<Option<String>>,
}

impl Watch {
    pub(super) fn new(in_file: BTreeSet<String>, modules: BTreeSet<String>, readable: Readable) -> Watch {
        Watch {
            in_file,
            modules,
            readable,
            is_running: AtomicBool::new(false),
            names_views: AtomicBool::new(false),
            refusal: Mutex::new(None),
        }
    }

    /// From now on `sql` is prepared.
    ///
    /// SQLite tells as the place of an access the name of the innermost view, or of the innermost common table
    /// expression, which the statement may have called like a view. The keyword cannot be written in another way, so a
    /// statement without it has no such expression of its own.
    pub(super) fn prepares(&self, sql: &str) {
        self.is_running.store(false, Relaxed);
        self.names_views.store(!sql.to_ascii_lowercase().contains("with"), Relaxed);
    }

    /// From now on the statement is stepped. It sees one state of the file, so SQLite prepares it again only to make a
    /// better plan of the same statement.
    pub(super) fn runs(&self) {
        self.is_running.store(true, Relaxed);
    }

    pub(super) fn take_refusal(&self) -> Option<String> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn authorize(&self, context: &AuthContext<'_>) -> Authorization {
        match self.refuses(context) {
            None => Authorization::Allow,
            Some(what) => {
                self.refusal.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(what);
                Authorization::Deny
            }
        }
    }

    fn refuses(&self, context: &AuthContext<'_>) -> Option<String> {
        use AuthAction as A;
        let is_running = self.is_running.load(Relaxed);
        match &context.action {
            A::Select | A::Recursive => None,
            A::Read { table_name, column_name } => {
                let (table, column) = (table_name.to_ascii_lowercase(), column_name.to_ascii_lowercase());
                let in_view = context.accessor.is_some() && self.names_views.load(Relaxed);
                if is_running {
                    is_ours(&table).then(|| unreadable_table(table_name))
                } else if column.is_empty() {
                    (!self.may_name(&table, in_view)).then(|| unreadable_table(table_name))
                } else if self.may_read(&table, &column, in_view) {
                    None
                } else if self.readable.has_table(&table) {
                    Some(format!("The column {table_name}.{column_name} is not readable."))
                } else {
                    Some(unreadable_table(table_name))
                }
            }
            A::Function { function_name } => (!functions::is_allowed(function_name))
                .then(|| format!("The function {function_name} is not allowed here.")),
            // FTS5 looks whether its table was changed.
            A::Pragma { pragma_name: "data_version", pragma_value: None } if is_running => None,
            A::Pragma { .. } => Some("PRAGMA is not allowed here.".to_owned()),
            A::Attach { .. } | A::Detach { .. } => Some("ATTACH and DETACH are not allowed here.".to_owned()),
            A::Transaction { .. } | A::Savepoint { .. } => {
                Some("BEGIN, COMMIT, ROLLBACK and SAVEPOINT are not allowed here.".to_owned())
            }
            _ => Some("Only statements that read are allowed here.".to_owned()),
        }
    }

    /// Whether a table may be named of which no column is read. So are names that the statement itself gives.
    fn may_name(&self, table: &str, in_view: bool) -> bool {
        let is_module = self.modules.contains(table) || table.starts_with("pragma_");
        let is_given = !self.in_file.contains(table) && !is_module && !is_ours(table);
        is_given || self.readable.has_table(table) || self.is_open(table, in_view)
    }

    fn may_read(&self, table: &str, column: &str, in_view: bool) -> bool {
        self.readable.has_column(table, column) || self.is_open(table, in_view)
    }

    /// Whether all of a table can be read: functions like tables, and what a view is made of.
    fn is_open(&self, table: &str, in_view: bool) -> bool {
        if self.in_file.contains(table) { in_view && !is_ours(table) } else { TABLES.contains(&table) }
    }
}

/// Our own tables and SQLite's.
fn is_ours(table: &str) -> bool {
    table.starts_with('_') || table.starts_with("sqlite_")
}

fn unreadable_table(name: &str) -> String {
    format!("The table {name} is not readable.")
}
