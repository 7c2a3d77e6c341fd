//! The media type of an upload, by what is in it and never by what it is called.

use infer::MatcherType;

/// How many bytes of the beginning are looked at.
pub const LOOKED_AT: usize = 8_192;

const TEXT: &str = "text/plain; charset=utf-8";
const UNKNOWN: &str = "application/octet-stream";

/// The type of content that begins with `head`, and which is `whole` if that is all of it. What a browser would run
/// (HTML, SVG, XML, scripts, Flash) is text or bytes.
pub fn media_type(head: &[u8], whole: bool) -> &'static str {
    let is_text = is_text(head, whole);
    let Some(found) = infer::get(head) else { return if is_text { TEXT } else { UNKNOWN } };
    match found.matcher_type() {
        // `BM` and the like also begin sentences.
        MatcherType::Image | MatcherType::Audio | MatcherType::Video | MatcherType::Font if !is_text => {
            found.mime_type()
        }
        MatcherType::Archive | MatcherType::Doc | MatcherType::Book
            if !["flash", "chrome-extension"].iter().any(|part| found.mime_type().contains(part)) =>
        {
            found.mime_type()
        }
        _ if is_text => TEXT,
        _ => UNKNOWN,
    }
}

/// UTF-8 without control characters but those of text; the last character may be cut.
fn is_text(head: &[u8], whole: bool) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if !whole && error.error_len().is_none() => {
            std::str::from_utf8(head.get(..error.valid_up_to()).unwrap_or_default()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_called_what_it_is_and_nothing_that_runs_is_called_so() {
        for (head, expected) in [
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".as_slice(), "image/png"),
            (b"GIF89a\x01\0\x01\0", "image/gif"),
            (b"%PDF-1.7\n%\xe2\xe3", "application/pdf"),
            (b"%PDF-1.4\nall of it is text", "application/pdf"),
            (b"PK\x03\x04\x14\0\0\0", "application/zip"),
            (b"", TEXT),
            (b"plain", TEXT),
            ("Gr\u{fc}\u{df}e".as_bytes(), TEXT),
            (b"BMW builds cars", TEXT),
            (b"<!DOCTYPE html><script>alert(1)</script>", TEXT),
            (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", TEXT),
            (b"<?xml version='1.0'?><x/>", TEXT),
            (b"#!/bin/sh\n", TEXT),
            (b"alert(1)", TEXT),
            (b"<html>\0", UNKNOWN),
            (b"\xff\xfe<\0h\0t\0m\0l\0", UNKNOWN),
            (b"\0asm\x01\0\0\0", UNKNOWN),
            (b"\x7fELF\x02\x01\x01", UNKNOWN),
            (b"CWS\x0a\x01\x02\x03\x04", UNKNOWN),
            (b"\x1b[31mred", UNKNOWN),
        ] {
            assert_eq!(media_type(head, true), expected, "{:?}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn a_character_that_is_cut_at_the_end_of_what_is_looked_at_is_still_text() {
        assert_eq!(media_type(b"a\xc3", false), TEXT);
        assert_eq!(media_type(b"a\xc3", true), UNKNOWN);
    }
}
