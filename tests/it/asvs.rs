//! The list of the ASVS names tests that exist.

use std::path::Path;

fn is_test(module: &str, name: &str) -> bool {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let mut files = vec![place.join(format!("{module}.rs"))];
    let below = std::fs::read_dir(place.join(module)).into_iter().flatten().flatten();
    files.extend(below.map(|entry| entry.path()));
    let head = format!("\nfn {name}()");
    files.iter().filter_map(|file| std::fs::read_to_string(file).ok()).any(|text| {
        text.split(&head).next().is_some_and(|before| before != text && before.ends_with("#[test]"))
    })
}

#[test]
fn every_requirement_of_the_list_has_a_test_that_exists_or_a_reason() {
    let list = include_str!("../asvs.md");
    let (mut proven, mut wrong) = (0, Vec::new());
    for row in list.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Requirement")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [requirement, _, proof] = cells[..] else {
            wrong.push(format!("three cells are needed: {row}"));
            continue;
        };
        let named = proof.strip_prefix('`').and_then(|proof| proof.strip_suffix('`')?.split_once("::"));
        match named {
            Some((module, name)) if is_test(module, name) => proven += 1,
            Some(_) => wrong.push(format!("{requirement}: there is no test {proof}")),
            None if proof.starts_with("does not apply: ") || proof.starts_with("missing: ") => {}
            None => wrong.push(format!("{requirement}: neither a test nor a reason")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(proven > 25, "{proven}");
    assert!(!is_test("jwt", "no_such_test") && !is_test("roles", "house"));
}
