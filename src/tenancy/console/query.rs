//! A statement with its parameters.

use super::bounds::StatementBounds;
use crate::db::{ConsoleParams, Value};
use crate::error::{Error, Result};
use serde_json::Value as Json;

/// One statement with its parameters.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ConsoleQuery {
    /// The statement.
    pub sql: String,
    params: Params,
    pub(super) bounds: StatementBounds,
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
        Ok(ConsoleQuery { sql, params, bounds: StatementBounds::default() })
    }

    /// The same, within these bounds.
    #[must_use]
    pub fn within(self, bounds: StatementBounds) -> ConsoleQuery {
        ConsoleQuery { bounds, ..self }
    }

    /// How many parameters were given.
    pub fn params(&self) -> usize {
        match &self.params {
            Params::Positional(values) => values.len(),
            Params::Named(values) => values.len(),
        }
    }

    /// Statement, parameters and bounds for the connection.
    pub(super) fn into_parts(self) -> (String, ConsoleParams, StatementBounds) {
        let params = match self.params {
            Params::Positional(values) => {
                ConsoleParams::Positional(values.into_iter().map(Param::into_value).collect())
            }
            Params::Named(values) => ConsoleParams::Named(
                values.into_iter().map(|(name, value)| (name, value.into_value())).collect(),
            ),
        };
        (self.sql, params, self.bounds)
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
}
