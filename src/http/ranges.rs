//! Which part of a file a request asks for (RFC 9110, section 14).

use crate::model::Etag;
use axum::http::{HeaderMap, header};
use http_range_header::{EndPosition, StartPosition, parse_range_header};
use std::ops::Range;

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Everything: nothing else is asked for, or in a way that is not understood or not worth it.
    Whole,
    /// These bytes.
    These(Range<u64>),
    /// There are no such bytes.
    Unsatisfiable,
}

impl Part {
    /// Of a file with this size and tag. Several ranges at once are answered with everything, and so is a range of a
    /// file that has changed since the client began (`If-Range`; dates are too coarse to tell).
    pub(super) fn of(headers: &HeaderMap, size: u64, etag: &Etag) -> Part {
        let Some(range) = headers.get(header::RANGE).and_then(|value| value.to_str().ok()) else {
            return Part::Whole;
        };
        let is_other = |value: &axum::http::HeaderValue| value.as_bytes() != etag.as_str().as_bytes();
        if size == 0 || headers.get(header::IF_RANGE).is_some_and(is_other) {
            return Part::Whole;
        }
        // Positions alone: a suffix longer than the file is no fault to the RFC.
        let Ok(ranges) = parse_range_header(range.trim()) else { return Part::Whole };
        let [range] = ranges.ranges.as_slice() else { return Part::Whole };
        let these = match (range.start, range.end) {
            (StartPosition::Index(first), EndPosition::Index(last)) if first > last => return Part::Whole,
            (StartPosition::Index(first), EndPosition::Index(last)) => {
                first..size.min(last.saturating_add(1))
            }
            (StartPosition::Index(first), EndPosition::LastByte) => first..size,
            (StartPosition::FromLast(length), _) => size.saturating_sub(length)..size,
        };
        if these.is_empty() { Part::Unsatisfiable } else { Part::These(these) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(range: &str, if_range: Option<&str>, size: u64) -> Part {
        let mut headers = HeaderMap::new();
        headers.insert(header::RANGE, range.parse().unwrap());
        if let Some(tag) = if_range {
            headers.insert(header::IF_RANGE, tag.parse().unwrap());
        }
        Part::of(&headers, size, &Etag::kept("\"aaaaaaaaaaaaaaaaaaaaaa\"").unwrap())
    }

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        for (range, expected) in [
            ("bytes=0-0", Part::These(0..1)),
            ("bytes=2-4", Part::These(2..5)),
            ("bytes=7-", Part::These(7..10)),
            ("bytes=-3", Part::These(7..10)),
            ("bytes=-30", Part::These(0..10)),
            ("bytes=5-99", Part::These(5..10)),
            ("bytes=10-", Part::Unsatisfiable),
            ("bytes=10-20", Part::Unsatisfiable),
            ("bytes=0-18446744073709551615", Part::These(0..10)),
            ("bytes=-0", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=0-1,0-1,0-1,0-1", Part::Whole),
            ("bytes=4-2", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("bytes=", Part::Whole),
            ("lines=0-1", Part::Whole),
            ("bytes=99999999999999999999999-", Part::Whole),
        ] {
            assert_eq!(part(range, None, 10), expected, "{range}");
        }
        assert_eq!(part("bytes=0-", None, 0), Part::Whole);
    }

    #[test]
    fn a_range_of_what_has_changed_is_all_of_it() {
        assert_eq!(part("bytes=0-1", Some("\"aaaaaaaaaaaaaaaaaaaaaa\""), 10), Part::These(0..2));
        for other in
            ["\"bbbbbbbbbbbbbbbbbbbbbb\"", "W/\"aaaaaaaaaaaaaaaaaaaaaa\"", "Wed, 21 Oct 2015 07:28:00 GMT"]
        {
            assert_eq!(part("bytes=0-1", Some(other), 10), Part::Whole, "{other}");
        }
    }
}
