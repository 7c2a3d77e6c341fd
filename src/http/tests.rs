//! Hostile heads of requests.

use super::conditions::{Once, Prefer};
use super::{query, ranges::Part};
use crate::error::Kind;
use crate::fuzzing::{explore, hostile};
use crate::model::{Etag, IdempotencyKey, Preconditions};
use axum::http::{HeaderMap, HeaderValue, Uri, header};

#[rustfmt::skip]
const GOOD: &[&str] = &[
    "bytes=0-1", "bytes=-5", "bytes=3-", "bytes=0-0,5-9", "\"aaaaaaaaaaaaaaaaaaaaaa\"", "W/\"x\" , \"y\",",
    "*", "return=minimal", "respond-async; x=\"1\", return=representation", "8e03978e-40d5-43dd",
    "a=1&b=%C3%A9&c=+",
];
#[rustfmt::skip]
const TOKENS: &[&str] = &[
    "bytes", "=", "-", ",", "0", "9", "18446744073709551615", "99999999999999999999", " ", "\t", "\"", "W/",
    "*", ";", "return", "minimal", "%", "%00", "%FF", "%C3", "&", "+", "é", "lines",
];

#[test]
fn any_head_is_read_or_refused() {
    explore(
        "any_head_is_read",
        &(hostile(GOOD, TOKENS), hostile(GOOD, TOKENS), 0..12_u64),
        |(one, other, size)| {
            let etag = Etag::kept("\"aaaaaaaaaaaaaaaaaaaaaa\"").unwrap();
            let mut headers = HeaderMap::new();
            if let Ok(value) = HeaderValue::from_bytes(one.as_bytes()) {
                headers.insert(header::RANGE, value);
            }
            if let Ok(value) = HeaderValue::from_bytes(other.as_bytes()) {
                headers.insert(header::IF_RANGE, value);
            }
            for headers in [headers.clone(), {
                headers.remove(header::IF_RANGE);
                headers
            }] {
                if let Part::These(range) = Part::of(&headers, size, &etag) {
                    assert!(range.start < range.end && range.end <= size, "{range:?} of {size}");
                }
            }
            match Preconditions::parse(Some(&one), Some(&other)) {
                Ok(conditions) => {
                    for current in [None, Some(&etag)] {
                        let refused = conditions.admit_write(current).err();
                        assert!(refused.is_none_or(|error| error.kind() == Kind::Stale));
                    }
                }
                Err(error) => assert_eq!(error.code(), "bad_precondition"),
            }
            if let Err(error) = IdempotencyKey::parse(&one) {
                assert_eq!(error.code(), "bad_idempotency_key");
            }
            let _ = (Prefer::parse(&one), Once(None));
            if let Ok(uri) = format!("/x?{one}").parse::<Uri>()
                && let Err(error) = query::pairs(&uri)
            {
                assert_eq!(error.code(), "bad_query");
            }
        },
    );
}
