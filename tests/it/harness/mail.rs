//! Letters: without a mail server they are files in the data directory.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::eventually;
use super::installation::Installation;

/// All letters to an address so far, decoded, oldest first.
pub fn letters_to(installation: &Installation, address: &str) -> Vec<String> {
    let entries = std::fs::read_dir(installation.data().join("mail")).into_iter().flatten().flatten();
    let mut letters: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
        .filter_map(|path| {
            let written = path.metadata().ok()?.modified().ok()?;
            let letter = String::from_utf8(std::fs::read(path).ok()?).ok()?;
            let is_to = letter.lines().any(|line| line.starts_with("To:") && line.contains(address));
            is_to.then(|| (written, decoded(&letter)))
        })
        .collect();
    letters.sort();
    letters.into_iter().map(|(_, letter)| letter).collect()
}

/// The token in the newest of at least `count` letters to an address; waits for them.
#[track_caller]
pub fn token_mailed_to(installation: &Installation, address: &str, count: usize) -> String {
    let letter = eventually(&format!("letter {count} to {address}"), || {
        let mut letters = letters_to(installation, address);
        if letters.len() < count { None } else { letters.pop() }
    });
    token_in(installation, &letter)
}

/// The token in a letter.
#[track_caller]
pub fn token_in(installation: &Installation, letter: &str) -> String {
    let after = letter.split_once("token=").map(|(_, after)| after);
    let token =
        after.map(|after| after.split(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c)).next());
    let token = token.flatten().unwrap_or_else(|| panic!("no token in {letter}")).to_owned();
    assert!(token.len() >= 43, "256 bits are at least 43 characters: {token}");
    installation.plant_secret(&token);
    token
}

/// Head and body, the body without its transfer encoding.
pub(super) fn decoded(letter: &str) -> String {
    let letter = letter.replace("\r\n", "\n");
    let (head, body) = letter.split_once("\n\n").unwrap_or((&letter, ""));
    let encoding =
        head.lines().find_map(|line| line.strip_prefix("Content-Transfer-Encoding:")).unwrap_or_default();
    let body = match encoding.trim() {
        "quoted-printable" => quoted_printable(body),
        "base64" => String::from_utf8(STANDARD.decode(body.replace('\n', "")).unwrap()).unwrap(),
        _ => body.to_owned(),
    };
    format!("{head}\n\n{body}")
}

fn quoted_printable(body: &str) -> String {
    let joined = body.replace("=\n", "");
    let mut bytes = Vec::with_capacity(joined.len());
    let mut rest = joined.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(byte) if *first == b'=' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}
