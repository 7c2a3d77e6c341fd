//! The list of the ASVS names every requirement, tests that exist, and headings that exist.

use std::collections::BTreeSet;
use std::path::Path;

/// The requirements of levels 1 and 2 of ASVS 5.0.0, chapters V6 to V10: section, and the last of its numbers, which begin
/// at 1. Those of level 3 stand behind them, or in sections of their own.
const SECTIONS: &[(&str, u32)] = &[
    ("6.1", 3),
    ("6.2", 12),
    ("6.3", 4),
    ("6.4", 4),
    ("6.5", 5),
    ("6.6", 3),
    ("6.8", 4),
    ("7.1", 3),
    ("7.2", 4),
    ("7.3", 2),
    ("7.4", 5),
    ("7.5", 2),
    ("7.6", 2),
    ("8.1", 2),
    ("8.2", 3),
    ("8.3", 1),
    ("8.4", 1),
    ("9.1", 3),
    ("9.2", 4),
    ("10.1", 2),
    ("10.2", 2),
    ("10.3", 4),
    ("10.4", 11),
    ("10.5", 5),
    ("10.6", 2),
    ("10.7", 3),
];

fn is_test(module: &str, name: &str) -> bool {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    if let Some(file) = module.strip_prefix("browser/") {
        let text = std::fs::read_to_string(tests.join(format!("browser/{file}.test.mjs")));
        return text.is_ok_and(|text| text.contains(&format!("\ntest(\"{name}\"")));
    }
    let place = tests.join("it");
    let mut files = vec![place.join(format!("{module}.rs"))];
    let below = std::fs::read_dir(place.join(module)).into_iter().flatten().flatten();
    files.extend(below.map(|entry| entry.path()));
    let head = format!("\nfn {name}()");
    files.iter().filter_map(|file| std::fs::read_to_string(file).ok()).any(|text| {
        text.split(&head).next().is_some_and(|before| before != text && before.ends_with("#[test]"))
    })
}

fn is_heading(name: &str) -> bool {
    include_str!("../../docs/access.md").lines().any(|line| line.strip_prefix("## ") == Some(name))
}

/// What is wrong with a cell of proofs. A heading alone proves nothing.
fn fault(proof: &str) -> Option<String> {
    if proof.strip_prefix("does not apply: ").is_some_and(|why| !why.is_empty()) {
        return None;
    }
    let (heading, tests) = match proof.strip_prefix("docs: ") {
        Some(rest) => rest.split_once("; ").unwrap_or((rest, "")),
        None => ("", proof),
    };
    if !heading.is_empty() && !is_heading(heading) {
        return Some(format!("there is no heading {heading:?}"));
    }
    tests.split(", ").find_map(|test| {
        let named = test.strip_prefix('`').and_then(|test| test.strip_suffix('`')?.split_once("::"));
        let exists = named.is_some_and(|(module, name)| is_test(module, name));
        (!exists).then(|| format!("there is no test {test}"))
    })
}

/// The requirements of a first cell: one, or the first and the last of a section.
fn requirements(cell: &str) -> Vec<String> {
    let Some((first, last)) = cell.split_once(" - ") else { return vec![cell.to_owned()] };
    let (section, from) = first.rsplit_once('.').unwrap_or_default();
    let to = last.rsplit_once('.').map_or("", |(_, to)| to);
    let number = |text: &str| text.parse::<u32>().unwrap_or_default();
    (number(from)..=number(to)).map(|number| format!("{section}.{number}")).collect()
}

#[test]
fn every_requirement_of_level_2_has_tests_that_exist_or_a_reason() {
    let (list, beyond) = include_str!("../asvs.md").split_once("## Beyond level 2").unwrap();
    let is_row = |line: &&str| line.starts_with("| ") && !line.starts_with("| Requirement");
    let (mut named, mut wrong) = (Vec::new(), Vec::new());
    let mut check = |row: &str| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [requirement, _, proof] = cells[..] else {
            wrong.push(format!("three cells are needed: {row}"));
            return Vec::new();
        };
        wrong.extend(fault(proof).map(|fault| format!("{requirement}: {fault}")));
        requirements(requirement)
    };
    for row in list.lines().filter(is_row) {
        named.extend(check(row));
    }
    let further: Vec<String> = beyond.lines().filter(is_row).flat_map(&mut check).collect();
    let expected: BTreeSet<String> = SECTIONS
        .iter()
        .flat_map(|(section, last)| (1..=*last).map(move |number| format!("{section}.{number}")))
        .collect();
    let unique: BTreeSet<String> = named.iter().cloned().collect();
    wrong.extend(expected.difference(&unique).map(|one| format!("{one} is missing")));
    wrong.extend(unique.difference(&expected).map(|one| format!("{one} is none of levels 1 and 2")));
    wrong.extend(
        further.iter().filter(|one| expected.contains(*one)).map(|one| format!("{one} is of level 2")),
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(named.len(), unique.len(), "one is named twice");
    assert!(fault("`browser/console::no such test`").is_some());
    assert!(fault("`jwt::no_such_test`").is_some() && fault("`roles::house`").is_some());
    assert!(fault("docs: Guessing").is_some() && fault("docs: Nothing; `jwt::no_such_test`").is_some());
    assert!(fault("missing: all of it").is_some());
}
