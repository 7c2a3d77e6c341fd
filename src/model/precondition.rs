//! What a request demands of the record as it is now: `If-Match` and `If-None-Match` (RFC 9110, section 13.1).

use super::etag::Etag;
use crate::error::{Error, Kind, Result};

/// The conditions of one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
}

/// What a header names.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Tags {
    /// `*`: any record there is.
    Any,
    /// Tags with their quotes, and whether each is weak.
    These(Vec<(String, bool)>),
}

impl Preconditions {
    /// Reads the values of both headers; several lines of one are joined with commas.
    ///
    /// # Errors
    /// 400 `bad_precondition`.
    pub fn parse(if_match: Option<&str>, if_none_match: Option<&str>) -> Result<Preconditions> {
        let read = |name: &str, text: Option<&str>| match text {
            None => Ok(None),
            Some(text) => Tags::parse(text).map(Some).ok_or_else(|| {
                let detail = format!("{name} takes *, or ETags with their quotes, between commas.");
                Error::malformed("bad_precondition", detail)
            }),
        };
        Ok(Preconditions {
            if_match: read("If-Match", if_match)?,
            if_none_match: read("If-None-Match", if_none_match)?,
        })
    }

    /// Whether nothing is demanded.
    pub fn is_empty(&self) -> bool {
        self.if_match.is_none() && self.if_none_match.is_none()
    }

    /// Whether a write may go on; `current` is the record's tag, if there is a record.
    ///
    /// # Errors
    /// 412 `precondition_failed`.
    pub fn admit_write(&self, current: Option<&Etag>) -> Result<()> {
        self.require_match(current)?;
        match &self.if_none_match {
            Some(tags) if tags.name(current, true) => Err(failed(
                "It is there already, and If-None-Match excludes that. Change it without that header.",
            )),
            _ => Ok(()),
        }
    }

    /// Whether a reader has the record as it is.
    ///
    /// # Errors
    /// 412 `precondition_failed` where `If-Match` asks for another.
    pub fn has_it(&self, current: &Etag) -> Result<bool> {
        self.require_match(Some(current))?;
        Ok(self.if_none_match.as_ref().is_some_and(|tags| tags.name(Some(current), true)))
    }

    fn require_match(&self, current: Option<&Etag>) -> Result<()> {
        match &self.if_match {
            Some(tags) if !tags.name(current, false) => Err(failed(
                "It is not there, or no longer as If-Match says. Read it again and decide with its new ETag.",
            )),
            _ => Ok(()),
        }
    }
}

fn failed(detail: &'static str) -> Error {
    Error::new(Kind::Stale, "precondition_failed", detail)
}

impl Tags {
    fn parse(text: &str) -> Option<Tags> {
        const BLANK: [char; 2] = [' ', '\t'];
        let mut rest = text.trim_matches(BLANK);
        if rest == "*" {
            return Some(Tags::Any);
        }
        let mut tags = Vec::new();
        while !rest.is_empty() {
            let is_weak = rest.starts_with("W/");
            let opaque = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"')?;
            let (inside, after) = opaque.split_once('"')?;
            if inside.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
                return None;
            }
            tags.push((format!("\"{inside}\""), is_weak));
            rest = after.trim_start_matches(BLANK);
            if !rest.is_empty() {
                rest = rest.strip_prefix(',')?.trim_start_matches([' ', '\t', ',']);
            }
        }
        (!tags.is_empty()).then_some(Tags::These(tags))
    }

    /// Whether the record is among those that are named. Weak tags count only where a change that nobody sees does not
    /// matter.
    fn name(&self, current: Option<&Etag>, weak_counts: bool) -> bool {
        let Some(current) = current else { return false };
        match self {
            Tags::Any => true,
            Tags::These(tags) => {
                tags.iter().any(|(tag, is_weak)| tag == current.as_str() && (weak_counts || !is_weak))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "\"aaaaaaaaaaaaaaaaaaaaaa\"";

    fn admits(if_match: Option<&str>, if_none_match: Option<&str>, exists: bool) -> bool {
        let current = Etag::kept(NOW).filter(|_| exists);
        Preconditions::parse(if_match, if_none_match).unwrap().admit_write(current.as_ref()).is_ok()
    }

    #[test]
    fn writes_are_let_through_as_rfc_9110_says() {
        let weak = format!("W/{NOW}");
        let list = format!("\"x,y\" , {NOW},, W/\"z\"");
        for (if_match, if_none_match, where_it_is, where_it_is_not) in [
            (None, None, true, true),
            (Some("*"), None, true, false),
            (Some(NOW), None, true, false),
            (Some(list.as_str()), None, true, false),
            (Some("\"other\""), None, false, false),
            (Some(weak.as_str()), None, false, false),
            (None, Some("*"), false, true),
            (None, Some(NOW), false, true),
            (None, Some(weak.as_str()), false, true),
            (None, Some("\"other\""), true, true),
        ] {
            let case = format!("{if_match:?} {if_none_match:?}");
            assert_eq!(admits(if_match, if_none_match, true), where_it_is, "{case}");
            assert_eq!(admits(if_match, if_none_match, false), where_it_is_not, "{case}");
        }
    }

    #[test]
    fn what_is_no_list_of_tags_is_refused() {
        for text in ["", "abc", "\"a", "\"a\" \"b\"", "\"a\",b", "*, \"a\"", "w/\"a\"", "\"a b\"", "W/"] {
            assert_eq!(
                Preconditions::parse(Some(text), None).unwrap_err().code(),
                "bad_precondition",
                "{text}"
            );
        }
    }
}
