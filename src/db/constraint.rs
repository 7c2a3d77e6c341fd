//! What can go wrong in a database, and constraints by name.
//!
//! SQLite tells the constraint only in a message, so that message is read here and nowhere else.

use crate::error::Error;
use rusqlite::ffi::{self, ErrorCode};

/// Which kind of constraint was violated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstraintKind {
    /// UNIQUE, PRIMARY KEY or rowid.
    Unique,
    /// FOREIGN KEY; SQLite does not say which.
    ForeignKey,
    /// CHECK; the detail is its name or its expression.
    Check,
    /// NOT NULL.
    NotNull,
    /// RAISE in a trigger; the detail is its message.
    Trigger,
    /// A value of the wrong type for a STRICT table.
    DataType,
}

/// A violated constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// Which kind.
    pub kind: ConstraintKind,
    /// What SQLite says after the colon: `table.a, table.b`, a name, an expression or a trigger's message.
    pub detail: String,
}

impl Constraint {
    /// The columns of `table` that the message names, out of those that exist. Names may hold commas and dots.
    pub fn columns<'k>(&self, table: &str, known: impl Iterator<Item = &'k str> + Clone) -> Vec<String> {
        let mut found = Vec::new();
        let mut rest = self.detail.as_str();
        while let Some(tail) = rest.strip_prefix(table).and_then(|tail| tail.strip_prefix('.')) {
            let next = known
                .clone()
                .filter_map(|column| Some((column, tail.strip_prefix(column)?)))
                .filter(|(_, after)| after.is_empty() || after.starts_with(", "))
                .max_by_key(|(column, _)| column.len());
            let Some((column, after)) = next else { break };
            found.push(column.to_owned());
            rest = after.strip_prefix(", ").unwrap_or("");
        }
        found
    }

    /// Whether the message names exactly this `table.column`.
    pub fn is(&self, table_and_column: &str) -> bool {
        self.detail.split(", ").any(|part| part == table_and_column)
    }
}

/// What a statement can fail with.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A constraint of the schema was violated.
    #[error("constraint violated: {0:?}")]
    Constraint(Constraint),
    /// The file is not a database or its pages are damaged.
    #[error("the database file is damaged")]
    Corrupt(#[source] rusqlite::Error),
    /// The disk is full or cannot be written.
    #[error("the disk refuses")]
    Disk(#[source] rusqlite::Error),
    /// Another connection holds the lock for longer than the busy timeout.
    #[error("the database is busy")]
    Busy(#[source] rusqlite::Error),
    /// The guard stopped it: the deadline or the budget of steps was reached.
    #[error("stopped by its deadline")]
    Interrupted,
    /// A value or statement beyond SQLite's limits on this connection.
    #[error("too big")]
    TooBig,
    /// An expression of the schema or of the statement cannot be computed for a stored value (malformed JSON, integer
    /// overflow). The text is SQLite's and names functions at most.
    #[error("cannot be computed: {0}")]
    Expression(String),
    /// The authorizer refused it.
    #[error("not allowed on this connection")]
    Denied,
    /// Anything else: a fault of ours.
    #[error(transparent)]
    Other(rusqlite::Error),
}

impl DbError {
    /// Whether it is up to the machine and not to the file or the statement: it may go well another time.
    pub fn is_passing(&self) -> bool {
        match self {
            DbError::Disk(_) | DbError::Busy(_) | DbError::Interrupted => true,
            DbError::Other(error) => error.sqlite_error_code() == Some(ErrorCode::OutOfMemory),
            _ => false,
        }
    }

    /// The same for an error that came while rows were stepped through: the statement itself was in order then, so a
    /// general error is about the values.
    pub(super) fn while_stepping(error: rusqlite::Error) -> DbError {
        match error {
            rusqlite::Error::SqliteFailure(code, Some(message))
                if code.extended_code == ffi::SQLITE_ERROR =>
            {
                DbError::Expression(message)
            }
            other => DbError::from(other),
        }
    }
}

impl From<rusqlite::Error> for DbError {
    fn from(error: rusqlite::Error) -> DbError {
        let (code, message) = match &error {
            rusqlite::Error::SqliteFailure(code, message) => (*code, message.as_deref()),
            rusqlite::Error::SqlInputError { error, msg, .. } => (*error, Some(msg.as_str())),
            _ => return DbError::Other(error),
        };
        if code.extended_code == ffi::SQLITE_CONSTRAINT_DATATYPE {
            return DbError::Constraint(Constraint {
                kind: ConstraintKind::DataType,
                detail: message.unwrap_or_default().to_owned(),
            });
        }
        match code.code {
            ErrorCode::ConstraintViolation => {
                DbError::Constraint(constraint(code.extended_code, message.unwrap_or_default()))
            }
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => DbError::Corrupt(error),
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly => DbError::Disk(error),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => DbError::Busy(error),
            ErrorCode::OperationInterrupted => DbError::Interrupted,
            ErrorCode::TooBig => DbError::TooBig,
            ErrorCode::AuthorizationForStatementDenied => DbError::Denied,
            _ => DbError::Other(error),
        }
    }
}

fn constraint(extended_code: i32, message: &str) -> Constraint {
    let kind = match extended_code {
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => ConstraintKind::ForeignKey,
        ffi::SQLITE_CONSTRAINT_CHECK => ConstraintKind::Check,
        ffi::SQLITE_CONSTRAINT_NOTNULL => ConstraintKind::NotNull,
        // ON DELETE RESTRICT is a trigger of SQLite's own making that raises this.
        ffi::SQLITE_CONSTRAINT_TRIGGER if message == "FOREIGN KEY constraint failed" => {
            ConstraintKind::ForeignKey
        }
        ffi::SQLITE_CONSTRAINT_TRIGGER => ConstraintKind::Trigger,
        _ => ConstraintKind::Unique,
    };
    let detail = match kind {
        ConstraintKind::Trigger => message,
        _ => message.split_once(": ").map_or("", |(_, detail)| detail),
    };
    Constraint { kind, detail: detail.to_owned() }
}

impl From<DbError> for Error {
    fn from(error: DbError) -> Error {
        match error {
            DbError::Disk(_) => Error::storage_unavailable().because(error),
            DbError::Busy(_) => {
                Error::unavailable("busy", "The database is busy. Try again shortly.", 1).because(error)
            }
            DbError::Corrupt(_) => Error::unavailable(
                "tenant_unavailable",
                "This database cannot be read. The operator finds the reason in the log.",
                60,
            )
            .because(error),
            DbError::Interrupted => Error::new(
                crate::error::Kind::DeadlinePassed,
                "deadline_passed",
                "This took longer than is allowed. Ask for less at once, or filter on an indexed column.",
            ),
            DbError::Expression(reason) => Error::new(
                crate::error::Kind::Invalid,
                "not_computable",
                format!("A value that follows from others cannot be computed: {reason}."),
            ),
            DbError::TooBig => Error::new(
                crate::error::Kind::TooLarge,
                "too_large",
                "A value is larger than this database takes.",
            ),
            DbError::Constraint(_) | DbError::Denied | DbError::Other(_) => Error::internal(error),
        }
    }
}

/// Turns a violated constraint into a precise error at the call site.
pub trait OnConstraint<T> {
    /// Replaces the violation of the constraint on `table.column` by `error()`.
    ///
    /// # Errors
    /// Whatever it failed with, or `error()`.
    fn on_constraint(self, table_and_column: &str, error: impl FnOnce() -> Error) -> Result<T, Error>;
}

impl<T> OnConstraint<T> for Result<T, DbError> {
    fn on_constraint(self, table_and_column: &str, error: impl FnOnce() -> Error) -> Result<T, Error> {
        self.map_err(|cause| match &cause {
            DbError::Constraint(constraint) if constraint.is(table_and_column) => error().because(cause),
            _ => Error::from(cause),
        })
    }
}
