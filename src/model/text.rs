//! What may stand in text that others get to see.

/// Characters that take no place of their own: they hide in a text, make two different ones look the same, or turn its
/// direction. `Default_Ignorable_Code_Point` of Unicode 16, the annotations, and the separators of lines.
const INVISIBLE: &[std::ops::RangeInclusive<char>] = &[
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{61c}'..='\u{61c}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
];

/// Whether it is a control character or one that cannot be seen.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_control() || (c >= '\u{ad}' && INVISIBLE.iter().any(|range| range.contains(&c)))
}

/// Whether it only tells how its neighbours are drawn: Persian and Indic names and most emoji need it.
pub(super) fn shapes_neighbours(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}')
}

/// A text as it may stand in a letter: one line of at most `most` characters. What ends lines or moves a cursor becomes a
/// space, what cannot be seen or turns the direction of the rest goes.
pub fn plain(text: &str, most: usize) -> String {
    let shown = |c: char| match c {
        _ if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => Some(' '),
        _ if shapes_neighbours(c) || !is_invisible(c) => Some(c),
        _ => None,
    };
    text.chars().filter_map(shown).take(most).collect()
}

/// What a role and a plan may be called.
pub const KEY_RULE: &str = "must be 1 to 40 characters of a-z, 0-9, _ and -, beginning with a letter";

/// Whether a role or a plan may be called so, see [`KEY_RULE`].
pub fn is_key(name: &str) -> bool {
    is_word(name, 40)
}

/// Whether it has 1 to `most` characters of a-z, 0-9, `_` and `-`, the first a letter.
pub(super) fn is_word(name: &str, most: usize) -> bool {
    name.len() <= most
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::{INVISIBLE, is_invisible, plain};

    #[test]
    fn a_text_in_a_letter_is_one_line_that_reads_as_it_looks() {
        for (text, expected) in [
            ("Acme\r\nBcc: eve@example.com", "Acme  Bcc: eve@example.com"),
            ("a\u{1b}[31mb\0c", "a [31mb c"),
            ("safe\u{202e}gpj.exe\u{2066}\u{200f}", "safegpj.exe"),
            ("one\u{2028}two\u{85}three", "one two three"),
            ("\u{feff}\u{200b}x\u{200d}y", "x\u{200d}y"),
            ("<b>\"&'", "<b>\"&'"),
        ] {
            assert_eq!(plain(text, 100), expected);
        }
        assert_eq!(plain("abcdef", 3), "abc");
    }

    #[test]
    fn what_cannot_be_seen_is_known_and_letters_are_not_among_it() {
        for c in ['\0', '\u{1b}', '\u{85}', '\u{200b}', '\u{202e}', '\u{2066}', '\u{feff}', '\u{e0041}'] {
            assert!(is_invisible(c), "{c:?}");
        }
        for c in ['a', ' ', 'é', '\u{301}', 'ב', '漢', '😀', '\u{ac}', '\u{2010}', '\u{fffd}'] {
            assert!(!is_invisible(c), "{c:?}");
        }
        assert!(INVISIBLE.is_sorted_by(|a, b| a.end() < b.start()));
    }
}
