//! The name of an upload. It is a row, never a path on a disk; it is kept to what people can tell apart, and to what a
//! zip file of it may hold.

use super::text::{is_invisible, shapes_neighbours};
use crate::error::{Error, Result};

/// Most bytes of one segment, and of all.
const SEGMENT_BYTES: usize = 255;
const BYTES: usize = 1_024;
/// Most segments.
const DEPTH: usize = 32;

/// Segments between slashes, such as `invoices/2026/0001.pdf`. Compared byte by byte: another case or another Unicode
/// form is another name.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct FilePath(String);

impl FilePath {
    /// Reads a name that is percent-decoded already.
    ///
    /// # Errors
    /// 400 `bad_path` that says what is wrong.
    pub fn parse(text: &str) -> Result<FilePath> {
        match fault_of(text) {
            None => Ok(FilePath(text.to_owned())),
            Some(fault) => Err(Error::malformed("bad_path", format!("The name of the file {fault}."))),
        }
    }

    /// All of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the last slash.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The names that this one makes a directory of: `a` and `a/b` for `a/b/c`.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        self.0.match_indices('/').filter_map(|(at, _)| self.0.get(..at))
    }
}

fn fault_of(text: &str) -> Option<String> {
    if text.len() > BYTES {
        return Some(format!("has more than {BYTES} bytes"));
    }
    if text.split('/').count() > DEPTH {
        return Some(format!("has more than {DEPTH} segments between slashes"));
    }
    text.split('/').find_map(fault_of_segment)
}

fn fault_of_segment(segment: &str) -> Option<String> {
    let fault = if segment.is_empty() {
        "is empty before, behind or between its slashes"
    } else if segment == "." || segment == ".." {
        "holds . or .. as a segment"
    } else if segment.len() > SEGMENT_BYTES {
        return Some(format!("has a segment of more than {SEGMENT_BYTES} bytes"));
    } else if segment.starts_with(char::is_whitespace) || segment.ends_with(char::is_whitespace) {
        "has a blank at an end of a segment"
    } else if segment.ends_with('.') {
        "has a dot at the end of a segment"
    } else if segment.contains('\\') {
        "holds a backslash; segments are parted by /"
    } else if segment.chars().any(is_unseen) || segment.starts_with(shapes_neighbours) {
        "holds a character that cannot be seen"
    } else {
        return None;
    };
    Some(fault.to_owned())
}

/// What takes no place, but to tell how its neighbours are drawn, and what is no character at all.
fn is_unseen(c: char) -> bool {
    let is_none = matches!(c, '\u{fdd0}'..='\u{fdef}') || (u32::from(c) & 0xfffe) == 0xfffe;
    is_none || (is_invisible(c) && !shapes_neighbours(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::{explore, hostile};

    #[test]
    fn names_that_people_give_are_taken_as_they_are() {
        let long = "x".repeat(SEGMENT_BYTES);
        let deep = vec!["d"; DEPTH].join("/");
        for name in [
            "a",
            "a/b/c.txt",
            ".env",
            "..hidden",
            "a b (1).pdf",
            "Übersicht.pdf",
            "漢字/файл.txt",
            "CON",
            "a:b?*|<>\"'",
            "100%",
            "می\u{200c}خواهم.txt",
            "❤\u{fe0f}.jpg",
            "e\u{301}",
            &long,
            &deep,
        ] {
            assert_eq!(FilePath::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_could_mislead_is_refused_by_what_is_wrong_with_it() {
        let long = "x".repeat(SEGMENT_BYTES + 1);
        let much = vec!["x".repeat(250); 5].join("/");
        let deep = vec!["d"; DEPTH + 1].join("/");
        for (name, part) in [
            ("", "empty"),
            ("/a", "empty"),
            ("a/", "empty"),
            ("a//b", "empty"),
            (".", ". or .."),
            ("..", ". or .."),
            ("a/../b", ". or .."),
            ("a/./b", ". or .."),
            (" a", "blank"),
            ("a ", "blank"),
            ("a/ /b", "blank"),
            ("a\u{a0}", "blank"),
            ("a.", "dot"),
            ("...", "dot"),
            ("a./b", "dot"),
            ("a\\b", "backslash"),
            ("a\0", "seen"),
            ("a\nb", "seen"),
            ("a\u{7f}", "seen"),
            ("a\u{85}b", "seen"),
            ("a\u{202e}gpj.exe", "seen"),
            ("a\u{200b}b", "seen"),
            ("\u{200d}a", "seen"),
            ("a\u{feff}b", "seen"),
            ("a\u{ffff}", "seen"),
            ("a\u{10ffff}", "seen"),
            (&long, "255"),
            (&much, "1024"),
            (&deep, "32"),
        ] {
            let error = FilePath::parse(name).unwrap_err();
            assert!(error.code() == "bad_path" && error.detail().contains(part), "{name:?}: {error:?}");
        }
    }

    #[test]
    fn any_name_is_refused_or_stays_where_it_is_put() {
        const TOKENS: &[&str] = &[
            "/", "\\", ".", "..", "~", ":", "a", "C:", "\0", "\n", " ", "\u{202e}", "\u{200d}", "\u{2044}",
            "é", "%2e", "NUL",
        ];
        explore(
            "any_name_is_refused",
            &hostile(&["a/b.txt", "../a", "a/./b", "/etc/x", "C:\\x"], TOKENS),
            |text| {
                use std::path::{Component, Path};
                match FilePath::parse(&text) {
                    Err(error) => {
                        assert!(error.code() == "bad_path" && error.detail().len() < 200, "{error:?}");
                    }
                    Ok(path) => {
                        let parts: Vec<_> = Path::new(path.as_str()).components().collect();
                        assert!(parts.iter().all(|part| matches!(part, Component::Normal(_))), "{parts:?}");
                        assert_eq!(parts.len(), path.as_str().split('/').count());
                        assert!(!path.as_str().contains(char::is_control) && !path.as_str().contains('\\'));
                    }
                }
            },
        );
    }

    #[test]
    fn a_name_knows_its_last_part_and_what_it_lies_in() {
        let path = FilePath::parse("a/b/c.txt").unwrap();
        assert_eq!((path.file_name(), path.parents().collect::<Vec<_>>()), ("c.txt", vec!["a", "a/b"]));
        assert_eq!(FilePath::parse("c.txt").unwrap().parents().count(), 0);
    }
}
