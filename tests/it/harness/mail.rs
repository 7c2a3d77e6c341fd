//! Letters: without a mail server they are files in the data directory.

use mail_parser::MessageParser;

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

/// Those with a link that is good for something. Letters that tell of what was done come when they come.
pub fn links_to(installation: &Installation, address: &str) -> Vec<String> {
    letters_to(installation, address).into_iter().filter(|letter| letter.contains("token=")).collect()
}

/// The token in the newest of at least `count` letters with a link to an address; waits for them.
#[track_caller]
pub fn token_mailed_to(installation: &Installation, address: &str, count: usize) -> String {
    let letter = eventually(&format!("letter {count} with a link to {address}"), || {
        let mut letters = links_to(installation, address);
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

/// Head and text, the text without its transfer encoding. Read by a parser that is not what wrote it.
pub(super) fn decoded(letter: &str) -> String {
    let head = letter.replace("\r\n", "\n").split("\n\n").next().unwrap_or_default().to_owned();
    let message = MessageParser::default().parse(letter.as_bytes()).unwrap();
    let text = message.body_text(0).unwrap_or_default().replace("\r\n", "\n");
    format!("{head}\n\n{text}")
}

/// The HTML of a letter.
pub(super) fn html_in(letter: &str) -> String {
    let message = MessageParser::default().parse(letter.as_bytes()).unwrap();
    message.body_html(0).unwrap_or_default().replace("\r\n", "\n")
}

/// The subject of a letter.
pub(super) fn subject_in(letter: &str) -> String {
    let message = MessageParser::default().parse(letter.as_bytes()).unwrap();
    message.subject().unwrap_or_default().to_owned()
}
