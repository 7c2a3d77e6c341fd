//! One spelling of a JSON value: two that mean the same are the same text.

use serde_json::{Map, Value};

/// The value without blanks, the fields of its objects in the order of their names.
pub fn canonical_json(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => write_object(map, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

fn write_object(map: &Map<String, Value>, out: &mut String) {
    let mut fields: Vec<(&String, &Value)> = map.iter().collect();
    fields.sort_unstable_by_key(|(name, _)| *name);
    out.push('{');
    for (index, (name, value)) in fields.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(&Value::from(name.as_str()).to_string());
        out.push(':');
        write(value, out);
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_is_spelt_the_same() {
        let read = |text: &str| canonical_json(&serde_json::from_str(text).unwrap());
        let one = read(r#"{ "b": [1, {"y": null, "x": "\u0041"}], "a": true }"#);
        assert_eq!(one, r#"{"a":true,"b":[1,{"x":"A","y":null}]}"#);
        assert_eq!(one, read(r#"{"a":true,"b":[1,{"x":"A","y":null}]}"#));
        assert_ne!(read("[1,2]"), read("[2,1]"));
    }
}
