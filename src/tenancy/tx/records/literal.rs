//! Text from a URL as a value of a column.

use crate::db::Value;
use crate::error::{Error, Result};
use crate::model::column::{Column, ColumnType};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A value to compare a column with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    /// The column's type decides what the text means.
    One(Value),
    /// The column may hold numbers and text, and this is text.
    Text(Value),
    /// The column may hold numbers and text, and this could be either.
    Either {
        /// As a number.
        number: Value,
        /// As text.
        text: Value,
    },
}

impl Literal {
    /// What `text` means to `column`.
    ///
    /// # Errors
    /// 400 `bad_value` if it cannot be a value of that column.
    pub(super) fn parse(column: &Column, text: &str) -> Result<Literal> {
        let value = match column.kind {
            ColumnType::Integer | ColumnType::Real | ColumnType::Number => number(text),
            ColumnType::Boolean => boolean(text),
            ColumnType::Blob => bytes(text).map(Value::Blob),
            ColumnType::Text | ColumnType::Json => Some(Value::from(text)),
            ColumnType::Datetime | ColumnType::Any => {
                return Ok(match (number(text), Value::from(text)) {
                    (Some(number), text) => Literal::Either { number, text },
                    (None, text) => Literal::Text(text),
                });
            }
        };
        value.map(Literal::One).ok_or_else(|| {
            let what = match column.kind {
                ColumnType::Boolean => "true or false",
                ColumnType::Blob => "base64",
                _ => "a number",
            };
            Error::malformed("bad_value", format!("{} is compared with {what}.", column.name))
        })
    }
}

/// A number in the form that JSON has, or an infinity as we write it.
pub(super) fn number(text: &str) -> Option<Value> {
    match text {
        "Infinity" => return Some(Value::Real(f64::INFINITY)),
        "-Infinity" => return Some(Value::Real(f64::NEG_INFINITY)),
        _ => {}
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let starts = digits.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    if !starts || !text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
        return None;
    }
    let whole = text.parse::<i64>().ok().map(Value::Integer);
    whole.or_else(|| text.parse::<f64>().ok().filter(|real| real.is_finite()).map(Value::Real))
}

/// `true`, `false`, or what is stored for them.
pub(super) fn boolean(text: &str) -> Option<Value> {
    match text {
        "true" | "1" => Some(Value::Integer(1)),
        "false" | "0" => Some(Value::Integer(0)),
        _ => None,
    }
}

/// Bytes in either alphabet of base64, with or without padding.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    let bare = text.trim_end_matches('=');
    if text.len() - bare.len() > 2 {
        return None;
    }
    STANDARD_NO_PAD.decode(bare).or_else(|_| URL_SAFE_NO_PAD.decode(bare)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_json() {
        assert_eq!(number("-5"), Some(Value::Integer(-5)));
        assert_eq!(number("1.5e3"), Some(Value::Real(1_500.0)));
        assert_eq!(number("9223372036854775808"), Some(Value::Real(9_223_372_036_854_775_808.0)));
        for text in ["", "-", "+5", ".5", "inf", "nan", "0x1", "1e999", " 1"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn both_alphabets_of_base64_are_read() {
        assert_eq!(bytes("-_8="), bytes("+/8"));
        assert_eq!(bytes(""), Some(Vec::new()));
        assert_eq!(bytes("a"), None);
        assert_eq!(bytes("===="), None);
    }
}
