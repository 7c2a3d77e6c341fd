//! A value of a JSON body as a value of a column.

use super::json::{Raw, Shape};
use super::literal::{boolean, bytes, number};
use crate::db::Value;
use crate::model::column::{Column, ColumnType};

/// Whether NULL is no value for this column.
pub(super) fn refuses_null(column: &Column, is_patch: bool) -> bool {
    let made_up = !is_patch && (column.is_rowid || column.auto_id.is_some());
    (column.not_null || column.required) && !made_up
}

/// A value of the body as a value of the column, or what it has to be.
pub(super) fn value(column: &Column, raw: Raw<'_>) -> Result<Value, &'static str> {
    let shape = raw.shape();
    if shape == Shape::Null {
        return Ok(Value::Null);
    }
    match column.kind {
        ColumnType::Json => match &shape {
            Shape::Number(text) => whole_number_or_double(text)
                .ok_or("must be a number that a double holds exactly; longer ones are kept within an array or object"),
            _ => Ok(Value::Text(raw.compact())),
        },
        ColumnType::Boolean => match &shape {
            Shape::Bool(value) => Ok(Value::from(*value)),
            Shape::Number(text) => boolean(text).ok_or("must be true or false"),
            _ => Err("must be true or false"),
        },
        ColumnType::Integer => match &shape {
            Shape::Number(text) => integer(text),
            Shape::Text(text) => integer(text),
            _ => None,
        }
        .ok_or("must be a whole number between -2^63 and 2^63-1"),
        ColumnType::Real | ColumnType::Number => match &shape {
            Shape::Number(text) => number(text),
            Shape::Text(text) => number(text),
            _ => None,
        }
        .map(|value| if column.kind == ColumnType::Real { real(value) } else { value })
        .ok_or("must be a number"),
        ColumnType::Text => match shape {
            Shape::Text(text) => Ok(Value::Text(text.into_owned())),
            _ => Err("must be text"),
        },
        ColumnType::Blob => match shape {
            Shape::Text(text) => bytes(&text).map(Value::Blob).ok_or("must be bytes in base64"),
            _ => Err("must be bytes in base64"),
        },
        ColumnType::Datetime | ColumnType::Any => match shape {
            Shape::Text(text) => Ok(Value::Text(text.into_owned())),
            Shape::Number(text) => number(text).ok_or("must be a number that fits"),
            _ => Err("must be text or a number"),
        },
    }
}

/// A whole number, also one written with a fraction of zero or an exponent.
fn integer(text: &str) -> Option<Value> {
    match number(text)? {
        Value::Integer(integer) => Some(Value::Integer(integer)),
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and below 2^53")]
        Value::Real(real) if real.fract() == 0.0 && real.abs() < 9_007_199_254_740_992.0 => {
            Some(Value::Integer(real as i64))
        }
        _ => None,
    }
}

/// Whole numbers are stored as doubles in a column of doubles, and so they are compared.
fn real(value: Value) -> Value {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "SQLite's REAL affinity does the same")]
        Value::Integer(integer) => Value::Real(integer as f64),
        other => other,
    }
}

/// A number alone in a JSON column, as SQLite stores it there: the affinity of such a column makes a number of its text.
fn whole_number_or_double(text: &str) -> Option<Value> {
    let value = number(text)?;
    let is_exact = match &value {
        Value::Real(real) => decimal(text) == decimal(&real.to_string()),
        _ => true,
    };
    is_exact.then_some(value)
}

/// The digits of a number without zeros around them, and the power of ten of the last one. Of its sign nothing.
fn decimal(text: &str) -> (String, i64) {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
    let digits = digits.trim_start_matches('0');
    let kept = digits.trim_end_matches('0');
    let power = exponent.parse::<i64>().unwrap_or(0).saturating_sub_unsigned(fraction.len() as u64);
    let power = power.saturating_add_unsigned((digits.len() - kept.len()) as u64);
    (kept.to_owned(), if kept.is_empty() { 0 } else { power })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_alone_in_json_is_kept_exactly_or_refused() {
        for text in ["0", "-0.0", "1.50", "15e-1", "0.1", "1e22", "5e-324", "9223372036854775807", "1e300"] {
            assert!(whole_number_or_double(text).is_some(), "{text}");
        }
        for text in ["12345678901234567890", "9007199254740993.0", "0.1000000000000000055", "1e999"] {
            assert!(whole_number_or_double(text).is_none(), "{text}");
        }
    }
}
