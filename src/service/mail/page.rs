//! The HTML of a letter follows from its text, so that both say the same: paragraphs, buttons, and what stands in pairs.

/// A part of a letter.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(super) struct Block {
    /// `text`, `button` or `facts`.
    kind: &'static str,
    /// Of a text.
    lines: Vec<String>,
    /// What a button says, and where it leads.
    label: String,
    url: String,
    facts: Vec<Fact>,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
struct Fact {
    key: String,
    value: String,
}

/// Longest label of a button and longest name of a fact, in characters: what is longer is a sentence.
const LONGEST_LABEL: usize = 60;
const LONGEST_KEY: usize = 24;

/// The blocks of a text. Two lines, of which the first ends with a colon and the second is a link below `url`, are a
/// button; two or more lines of the form `Name: value` are facts. Nothing that leads elsewhere becomes a link.
pub(super) fn blocks_of(text: &str, url: &str) -> Vec<Block> {
    let paragraphs = text.split("\n\n").map(|part| part.trim_matches('\n')).filter(|part| !part.is_empty());
    paragraphs.map(|part| block_of(&part.lines().collect::<Vec<_>>(), url)).collect()
}

fn block_of(lines: &[&str], url: &str) -> Block {
    let is_ours = |link: &str| link.strip_prefix(url).is_some_and(|rest| rest.starts_with(['/', '#']));
    if let [label, link] = lines
        && let Some(label) = label.strip_suffix(':').filter(|label| label.chars().count() <= LONGEST_LABEL)
        && is_ours(link)
        && !link.contains(char::is_whitespace)
    {
        let (label, url) = (label.to_owned(), (*link).to_owned());
        return Block { kind: "button", label, url, ..Block::default() };
    }
    let facts: Option<Vec<Fact>> = lines.iter().map(|line| fact_of(line)).collect();
    if let Some(facts) = facts.filter(|facts| facts.len() > 1) {
        return Block { kind: "facts", facts, ..Block::default() };
    }
    let lines = lines.iter().map(|line| (*line).to_owned()).collect();
    Block { kind: "text", lines, ..Block::default() }
}

fn fact_of(line: &str) -> Option<Fact> {
    let (key, value) = line.split_once(": ")?;
    let is_name = !key.is_empty() && key.chars().count() <= LONGEST_KEY && !key.contains("://");
    is_name.then(|| Fact { key: key.to_owned(), value: value.to_owned() })
}

/// What mail programs show after the subject: how the letter begins.
pub(super) fn preheader_of(blocks: &[Block]) -> String {
    let first = blocks.iter().find(|block| block.kind == "text");
    first.map(|block| block.lines.join(" ").chars().take(140).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_links_of_ours_become_buttons_and_only_pairs_become_facts() {
        let text = "Hello\nthere.\n\nOpen it:\nhttps://a.example/console#token=x\n\nTotal: 1.00 EUR\nDue on: today\n\n\
                    Total: alone";
        let blocks = blocks_of(text, "https://a.example");
        let kinds: Vec<&str> = blocks.iter().map(|block| block.kind).collect();
        assert_eq!(kinds, ["text", "button", "facts", "text"]);
        assert_eq!(
            (blocks[1].label.as_str(), blocks[1].url.as_str()),
            ("Open it", "https://a.example/console#token=x")
        );
        assert_eq!(blocks[2].facts[1], Fact { key: "Due on".to_owned(), value: "today".to_owned() });
        assert_eq!(preheader_of(&blocks), "Hello there.");
        for link in [
            "https://a.example.evil.test/x",
            "https://evil.test/https://a.example/",
            "https://a.example@evil.test/",
            "javascript:alert(1)",
            "https://a.example/x and more",
        ] {
            let blocks = blocks_of(&format!("Open it:\n{link}"), "https://a.example");
            assert_eq!(blocks[0].kind, "text", "{link}");
        }
    }
}
