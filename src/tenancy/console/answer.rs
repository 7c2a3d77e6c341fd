//! What came of a statement.

use super::bounds::MEMORY;
use crate::db::ConsoleError;
use crate::error::{Error, FieldError, Kind, Result};

/// How a statement ended.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Reply {
    /// With rows, which are in the body.
    Rows {
        /// How many.
        rows: u64,
        /// Whether there are more than an answer takes.
        truncated: bool,
        /// Milliseconds from its preparation to its last row.
        duration_ms: u64,
    },
    /// It asks for what is not allowed.
    Refused(String),
    /// SQLite refuses it, at this place.
    Sql(String, Option<usize>),
    /// Its parameters are wrong.
    Params(String),
    /// It took too long.
    Deadline,
    /// It needs too much memory.
    Memory,
    /// The file cannot be read; the text is for the log.
    Failed(String),
}

impl From<ConsoleError> for Reply {
    fn from(error: ConsoleError) -> Reply {
        match error {
            ConsoleError::Refused(what) => Reply::Refused(what),
            ConsoleError::Sql { message, offset } => Reply::Sql(message, offset),
            ConsoleError::Params(what) => Reply::Params(what),
            ConsoleError::Deadline => Reply::Deadline,
            ConsoleError::Memory => Reply::Memory,
            ConsoleError::File(error) => Reply::Failed(error.to_string()),
        }
    }
}

/// What a statement answers.
#[derive(Debug)]
pub struct ConsoleAnswer {
    /// How it ended.
    pub reply: Reply,
    /// `{"columns":[..],"rows":[..]`, still open at its end; empty unless there are rows. A line ends behind the first
    /// bracket of the rows and behind each row.
    body: Vec<u8>,
}

/// The rows of an answer.
#[derive(Debug)]
pub struct ConsoleRows {
    body: Vec<u8>,
    /// Whether there are more than an answer takes.
    pub truncated: bool,
    /// Milliseconds from the statement's preparation to its last row.
    pub duration_ms: u64,
}

impl ConsoleRows {
    /// Rows as a statement answers them: JSON of the columns' names, and of each row.
    #[cfg(test)]
    pub(crate) fn of(columns: &str, rows: &[&str], truncated: bool) -> ConsoleRows {
        let rows: Vec<String> = rows.iter().map(|row| format!("\n{row}")).collect();
        let body = format!("{{\"columns\":{columns},\"rows\":[{}\n]", rows.join(","));
        ConsoleRows { body: body.into_bytes(), truncated, duration_ms: 0 }
    }

    /// The names of the columns, and each row as the JSON of an array.
    ///
    /// # Errors
    /// 500 for a body that is none.
    pub fn parts(&self) -> Result<(Vec<String>, impl Iterator<Item = &str>)> {
        let mut lines = std::str::from_utf8(&self.body).map_err(Error::internal)?.split('\n');
        let head =
            lines.next().and_then(|line| line.strip_prefix(r#"{"columns":"#)?.strip_suffix(r#","rows":["#));
        let columns = serde_json::from_str(head.ok_or_else(|| Error::internal("rows without a head"))?)?;
        Ok((columns, lines.filter(|line| *line != "]").map(|line| line.strip_suffix(',').unwrap_or(line))))
    }
}

impl ConsoleAnswer {
    pub(super) fn new(reply: Reply, body: Vec<u8>) -> ConsoleAnswer {
        ConsoleAnswer { reply, body }
    }

    /// The whole answer as JSON.
    ///
    /// # Errors
    /// As [`ConsoleAnswer::into_rows`].
    pub fn into_json(self, sql: &str) -> Result<Vec<u8>> {
        let ConsoleRows { mut body, truncated, duration_ms } = self.into_rows(sql)?;
        let end = format!(r#","truncated":{truncated},"duration_ms":{duration_ms}}}"#);
        body.extend_from_slice(end.as_bytes());
        Ok(body)
    }

    /// The rows.
    ///
    /// # Errors
    /// 400 `sql_error` with SQLite's words, 400 `sql_params`, 403 `sql_not_allowed`, 504, 503.
    pub fn into_rows(self, sql: &str) -> Result<ConsoleRows> {
        Err(match self.reply {
            Reply::Rows { truncated, duration_ms, .. } => {
                return Ok(ConsoleRows { body: self.body, truncated, duration_ms });
            }
            Reply::Refused(what) => Error::new(Kind::Forbidden, "sql_not_allowed", what),
            Reply::Sql(message, offset) => {
                let at = offset.map(|offset| place(sql, offset)).unwrap_or_default();
                let message = format!("{message}{at}");
                let field = FieldError::new("sql", "sql_error", message.clone());
                Error::malformed("sql_error", format!("SQLite says: {message}.")).with_fields(vec![field])
            }
            Reply::Params(what) => {
                let field = FieldError::new("params", "sql_params", what.clone());
                Error::malformed("sql_params", what).with_fields(vec![field])
            }
            Reply::Deadline => Error::new(
                Kind::DeadlinePassed,
                "deadline_passed",
                "The statement took longer than is allowed. Ask for less at once, or filter on an indexed column.",
            ),
            Reply::Memory => Error::malformed(
                "sql_error",
                format!(
                    "The statement needs more than {} MB of memory. Sort and group fewer rows, or shorter ones.",
                    MEMORY >> 20
                ),
            ),
            Reply::Failed(cause) => Error::unavailable(
                "tenant_unavailable",
                "This database cannot be read now. The operator finds the reason in the log.",
                10,
            )
            .because(cause),
        })
    }
}

/// Line and column of a byte of the statement, in words.
fn place(sql: &str, offset: usize) -> String {
    let before = sql.get(..offset).unwrap_or(sql);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!(" (line {line}, column {column})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_apart_whatever_they_hold() {
        let columns = r#"["a","\",\"rows\":["]"#;
        let some = ConsoleRows::of(columns, &[r#"[1,"x\n],"]"#, "[2,null]"], false);
        let (columns, found) = some.parts().unwrap();
        assert_eq!(columns, ["a", "\",\"rows\":["]);
        assert_eq!(found.collect::<Vec<_>>(), ["[1,\"x\\n],\"]", "[2,null]"]);
        assert_eq!(ConsoleRows::of("[]", &[], false).parts().unwrap().1.count(), 0);
    }

    #[test]
    fn a_place_is_told_by_line_and_column() {
        assert_eq!(place("SELECT ä,\n  FORM", 13), " (line 2, column 3)");
        assert_eq!(place("SELECT", 400), " (line 1, column 7)");
    }
}
