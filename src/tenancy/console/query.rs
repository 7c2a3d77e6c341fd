//! A statement, and what came of it.

use crate::db::{ConsoleError, ConsoleParams, Value};
use crate::error::{Error, FieldError, Kind, Result};
use serde_json::Value as Json;

/// One statement with its parameters.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ConsoleQuery {
    /// The statement.
    pub sql: String,
    params: Params,
}

/// Parameters on their way to the process. Doubles travel as their bits, which JSON numbers may lose.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
enum Params {
    Positional(Vec<Param>),
    Named(Vec<(String, Param)>),
}

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
enum Param {
    Null,
    Integer(i64),
    Real(u64),
    Text(String),
}

impl ConsoleQuery {
    /// A statement with its parameters as JSON: an array by place, an object by name. Arrays and objects within are
    /// passed as their text, for `json_each`.
    ///
    /// # Errors
    /// 422 for parameters that are neither, or a number beyond 64 bits.
    pub fn new(sql: String, params: Option<Json>) -> Result<ConsoleQuery> {
        let params = match params {
            None | Some(Json::Null) => Params::Positional(Vec::new()),
            Some(Json::Array(values)) => {
                let values = values.into_iter().enumerate();
                Params::Positional(
                    values.map(|(at, value)| param(&format!("[{at}]"), value)).collect::<Result<_>>()?,
                )
            }
            Some(Json::Object(values)) => {
                let named = values.into_iter().map(|(name, value)| {
                    let value = param(&format!(".{name}"), value)?;
                    Ok((name, value))
                });
                Params::Named(named.collect::<Result<_>>()?)
            }
            Some(_) => return Err(Error::invalid_field("params", "type", "must be an array or an object")),
        };
        Ok(ConsoleQuery { sql, params })
    }

    /// How many parameters were given.
    pub fn params(&self) -> usize {
        match &self.params {
            Params::Positional(values) => values.len(),
            Params::Named(values) => values.len(),
        }
    }

    /// Statement and parameters for the connection.
    pub(super) fn into_parts(self) -> (String, ConsoleParams) {
        let params = match self.params {
            Params::Positional(values) => {
                ConsoleParams::Positional(values.into_iter().map(Param::into_value).collect())
            }
            Params::Named(values) => ConsoleParams::Named(
                values.into_iter().map(|(name, value)| (name, value.into_value())).collect(),
            ),
        };
        (self.sql, params)
    }
}

impl Param {
    fn into_value(self) -> Value {
        match self {
            Param::Null => Value::Null,
            Param::Integer(integer) => Value::Integer(integer),
            Param::Real(bits) => Value::Real(f64::from_bits(bits)),
            Param::Text(text) => Value::Text(text),
        }
    }
}

fn param(place: &str, value: Json) -> Result<Param> {
    Ok(match value {
        Json::Null => Param::Null,
        Json::Bool(value) => Param::Integer(i64::from(value)),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Param::Integer(integer),
            (None, Some(real)) if !number.is_u64() => Param::Real(real.to_bits()),
            _ => {
                let message = "must be a number of 64 bits; send a larger one as text";
                return Err(Error::invalid_field(format!("params{place}"), "range", message));
            }
        },
        Json::String(text) => Param::Text(text),
        Json::Array(_) | Json::Object(_) => Param::Text(value.to_string()),
    })
}

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
    /// `{"columns":[..],"rows":[..]`, still open at its end; empty unless there are rows.
    body: Vec<u8>,
}

impl ConsoleAnswer {
    pub(super) fn new(reply: Reply, body: Vec<u8>) -> ConsoleAnswer {
        ConsoleAnswer { reply, body }
    }

    /// The whole answer as JSON.
    ///
    /// # Errors
    /// 400 `sql_error` with SQLite's words, 400 `sql_params`, 403 `sql_not_allowed`, 504, 503.
    pub fn into_json(self, sql: &str) -> Result<Vec<u8>> {
        let mut body = self.body;
        Err(match self.reply {
            Reply::Rows { truncated, duration_ms, .. } => {
                let end = format!(r#","truncated":{truncated},"duration_ms":{duration_ms}}}"#);
                body.extend_from_slice(end.as_bytes());
                return Ok(body);
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
                    super::worker::MEMORY >> 20
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
    use serde_json::json;

    #[test]
    fn parameters_keep_their_types_on_the_way() {
        let values = json!([null, true, -1, 0.1, 1e300, "a", [1, "b"], {"c": 2}, i64::MAX]);
        let query = ConsoleQuery::new("SELECT 1".to_owned(), Some(values)).unwrap();
        let there = serde_json::from_slice::<ConsoleQuery>(&serde_json::to_vec(&query).unwrap()).unwrap();
        let expected = vec![
            Value::Null,
            Value::Integer(1),
            Value::Integer(-1),
            Value::Real(0.1),
            Value::Real(1e300),
            Value::from("a"),
            Value::from("[1,\"b\"]"),
            Value::from("{\"c\":2}"),
            Value::Integer(i64::MAX),
        ];
        assert_eq!(there.into_parts().1, ConsoleParams::Positional(expected));
    }

    #[test]
    fn other_parameters_are_refused_by_name() {
        for (params, field) in [
            (json!("a"), "params"),
            (json!([1, u64::MAX]), "params[1]"),
            (json!({"n": u64::MAX}), "params.n"),
        ] {
            let error = ConsoleQuery::new(String::new(), Some(params)).unwrap_err();
            assert_eq!(error.fields()[0].field, field);
        }
    }

    #[test]
    fn a_place_is_told_by_line_and_column() {
        assert_eq!(place("SELECT ä,\n  FORM", 13), " (line 2, column 3)");
        assert_eq!(place("SELECT", 400), " (line 1, column 7)");
    }
}
