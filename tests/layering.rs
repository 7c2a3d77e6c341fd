//! Reads the sources and holds the plan of the house: which part may name which, and where the dangerous words may
//! stand. The rules are data at the top, the checks follow, and each rule is fed an offender at the end, so that a
//! rule which catches nothing is noticed.

#![allow(clippy::unwrap_used, reason = "a failure here is a failed test")]

use std::fmt::Write as _;
use std::path::Path;

/// A part of the house (a file or directory directly under `src`) and the parts that it may name.
///
/// Imports go one way: `cli -> http, jobs -> service -> tenancy -> catalog -> db -> model, error, id, clock`.
const PARTS: &[(&str, &str)] = &[
    ("clock", ""),
    ("random", ""),
    ("descriptors", ""),
    ("fault", ""),
    ("niceness", ""),
    ("paced", "clock"),
    // Tests alone.
    ("fuzzing", "clock random config"),
    ("error", ""),
    ("id", "clock random"),
    ("policy", "model error"),
    ("model", "policy error id clock"),
    ("rating", "model error"),
    ("config", "model policy error clock"),
    ("db", "model error id clock random niceness paced fault"),
    ("telemetry", "db config model error id clock random"),
    ("catalog", "db config model policy rating error id clock random"),
    // `fuzzing` in whole files of tests.
    (
        "tenancy",
        "catalog db telemetry config fault niceness paced model policy rating error id clock random fuzzing",
    ),
    (
        "service",
        "tenancy catalog db telemetry config descriptors niceness paced fault model policy rating error id clock random",
    ),
    // These two touch neither the catalog nor a tx; of `tenancy` they name the scope, see PATHS.
    ("jobs", "service tenancy telemetry config model policy rating error id clock random"),
    ("http", "service tenancy telemetry config model policy rating error id clock random"),
    ("embedded", "http jobs service config error clock"),
    (
        "cli",
        "embedded http jobs service tenancy catalog db telemetry config fault model policy rating error id clock random",
    ),
];

/// Paths below a part that one may name otherwise.
const PATHS: &[(&str, &str)] = &[("http", "tenancy::tx"), ("jobs", "tenancy::tx")];

/// A run of words, where alone it may stand, and why.
struct Word {
    text: &'static str,
    only_in: &'static [&'static str],
    why: &'static str,
}

const fn only(text: &'static str, only_in: &'static [&'static str], why: &'static str) -> Word {
    Word { text, only_in, why }
}

const WORDS: &[Word] = &[
    only("rusqlite", &["db"], "all SQL goes through db"),
    only("r2d2", &["db"], "all SQL goes through db"),
    only("r2d2_sqlite", &["db"], "all SQL goes through db"),
    only("axum", &["http"], "nothing but http knows the framework"),
    only("tower_http", &["http"], "nothing but http knows the framework"),
    only("hyper", &["http"], "nothing but http knows the framework"),
    only("hyper_util", &["http"], "nothing but http knows the framework"),
    only(
        "routing",
        &["http/routes.rs", "http/verb.rs", "http/health.rs", "http/pages.rs", "http/webhooks.rs"],
        "a route of the API declares who may use it",
    ),
    only("SystemTime::now", &["clock"], "only clock reads the time"),
    only("Instant::now", &["clock"], "only clock reads the time"),
    only("Timestamp::now", &["clock"], "only clock reads the time"),
    only("Zoned::now", &["clock"], "only clock reads the time"),
    only("getrandom", &["random"], "only random reads randomness"),
    only("OsRng", &["random"], "only random reads randomness"),
    only("SysRng", &["random"], "only random reads randomness"),
    only("thread_rng", &["random"], "only random reads randomness"),
    only("now_v7", &["id"], "ids come from id, with the clock's time"),
    only("new_v4", &["id"], "ids come from id, with the clock's time"),
    only("env::var", &["config"], "only config reads the environment"),
    only("env::var_os", &["config"], "only config reads the environment"),
    only("env::vars", &["config"], "only config reads the environment"),
    only("env::vars_os", &["config"], "only config reads the environment"),
    only("unsafe", &["db/ffi.rs"], "one named file holds all of it"),
];

/// Words that parts must not use. `|tx|` is a closure over an open transaction.
const NEVER: &[(&[&str], &[&str], &str)] = &[
    (
        &["model", "policy", "rating"],
        &[
            "std::fs",
            "std::io",
            "std::net",
            "std::env",
            "std::process",
            "std::thread",
            "tokio",
            "tracing",
            "println",
            "eprintln",
        ],
        "plain data and rules do no I/O",
    ),
    (&["rating"], &["Clock", "SharedClock"], "rating is given the time"),
    (
        &["http", "jobs"],
        &["Tx", "AppTx", "TenantTx", "CatalogTx", "OfTenant", "|tx|", "|tx"],
        "a transaction belongs to service",
    ),
];

const LONGEST_FILE: usize = 500;
const LONGEST_MAIN: usize = 60;

/// One source file; `path` is relative to `src`.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn part(&self) -> &str {
        self.path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    /// How many modules deep the file is: `error.rs` 1, `db/mod.rs` 1, `db/tx.rs` 2.
    fn depth(&self) -> usize {
        self.path.split('/').filter(|name| *name != "mod.rs").count()
    }
}

/// Everything that is wrong with one file, in sentences.
fn offences(source: &Source) -> Vec<String> {
    let code = without_tests(&without_text(&source.text));
    let words = words(&code);
    let mut found = Vec::new();
    too_long(source, &code, &mut found);
    if !["lib.rs", "main.rs"].contains(&source.path.as_str()) {
        imports(source, &words, &mut found);
    }
    for word in WORDS {
        let allowed = word.only_in.iter().any(|place| *place == source.part() || *place == source.path);
        if !allowed && contains(&words, word.text) {
            found.push(format!(
                "`{}` may stand only in {}: {}",
                word.text,
                word.only_in.join(", "),
                word.why
            ));
        }
    }
    for (parts, banned, why) in NEVER {
        for word in banned.iter().filter(|word| parts.contains(&source.part()) && contains(&words, word)) {
            found.push(format!("`{word}` in {}: {why}", source.part()));
        }
    }
    found
}

fn too_long(source: &Source, code: &str, found: &mut Vec<String>) {
    // A test module is blanked out, its lines are not counted.
    let lines = source
        .text
        .lines()
        .zip(code.lines())
        .filter(|(text, code)| text.trim().is_empty() || { !code.contains(TEST_LINE) });
    let (count, most) = (lines.count(), if source.path == "main.rs" { LONGEST_MAIN } else { LONGEST_FILE });
    if count > most {
        found.push(format!("{count} lines, more than {most}: which two things is it?"));
    }
}

fn imports(source: &Source, words: &[&str], found: &mut Vec<String>) {
    let part = source.part();
    let Some((_, allowed)) = PARTS.iter().find(|(name, _)| *name == part) else {
        found.push(format!("`{part}` has no place in the house; give it one in tests/layering.rs"));
        return;
    };
    for path in paths_from_root(words, source.depth()) {
        let Some(target) = path.first().filter(|target| **target != part) else { continue };
        // What is not a part is an item of the crate's root (a macro), or the parts' own names in lib.rs.
        if PARTS.iter().any(|(name, _)| name == target) && !allowed.split(' ').any(|name| name == *target) {
            found.push(format!("`{part}` must not name `{target}`"));
        }
        let below = path.iter().take(2).copied().collect::<Vec<_>>().join("::");
        if PATHS.contains(&(part, below.as_str())) {
            found.push(format!("`{part}` must not name `{below}`"));
        }
    }
}

/// The paths that start at the crate's root, written `crate::..` or with enough `super::`, braces taken apart.
fn paths_from_root<'a>(words: &[&'a str], depth: usize) -> Vec<Vec<&'a str>> {
    let mut paths = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let start = at;
        if words[at] == "crate" {
            at += 1;
        } else if words[at] == "super" {
            while words[at..].starts_with(&["super"]) {
                at += if words[at + 1..].starts_with(&["::", "super"]) { 2 } else { 1 };
            }
            let climbed = words[start..at].iter().filter(|word| **word == "super").count();
            if climbed < depth {
                continue;
            }
        } else {
            at += 1;
            continue;
        }
        if words[at..].starts_with(&["::"]) {
            at = tree(words, at + 1, &mut Vec::new(), &mut paths);
        }
    }
    paths
}

/// Reads one tree of a path (`a::{b::c, d}`) from `at` and returns where it ends.
fn tree<'a>(
    words: &[&'a str],
    mut at: usize,
    prefix: &mut Vec<&'a str>,
    paths: &mut Vec<Vec<&'a str>>,
) -> usize {
    let depth = prefix.len();
    while at < words.len() {
        if words[at] == "{" {
            at += 1;
            while at < words.len() && words[at] != "}" {
                // Where no tree begins there is a comma.
                at = tree(words, at, prefix, paths).max(at + 1);
            }
            prefix.truncate(depth);
            return at + 1;
        }
        if !is_name(words[at]) && words[at] != "*" {
            break;
        }
        prefix.push(words[at]);
        at += 1;
        if !words[at..].starts_with(&["::"]) {
            break;
        }
        at += 1;
    }
    if prefix.len() > depth {
        paths.push(prefix.clone());
    }
    prefix.truncate(depth);
    at
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Whether the run of words `text` occurs.
fn contains(all: &[&str], text: &str) -> bool {
    let wanted = words(text);
    all.windows(wanted.len()).any(|window| window == wanted)
}

/// Names, `::` and single signs.
fn words(code: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let length = match first {
            c if is_part(c) => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            c => c.len_utf8(),
        };
        words.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    words
}

/// The code without comments and without the content of literals; as many lines as before.
fn without_text(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let skipped = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => quoted(rest, 1),
            'b' | 'r' | 'c' => literal_with_prefix(&code, rest),
            // 'a' is a character, 'a on its own a lifetime.
            '\'' if rest[1..].starts_with('\\') => rest[3..].find('\'').map_or(rest.len(), |end| end + 4),
            '\'' => rest[1..]
                .chars()
                .next()
                .map_or(0, |c| if rest[1 + c.len_utf8()..].starts_with('\'') { c.len_utf8() + 2 } else { 0 }),
            _ => 0,
        };
        if skipped == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            code.push(' ');
            code.extend(rest[..skipped].matches('\n'));
            rest = &rest[skipped..];
        }
    }
    code
}

/// The length of a literal such as `r#".."#` or `b".."` at the start of `rest`, 0 if it is none.
fn literal_with_prefix(before: &str, rest: &str) -> usize {
    if before.ends_with(|c: char| c.is_alphanumeric() || c == '_') {
        return 0;
    }
    let prefix = rest.find(|c| !matches!(c, 'b' | 'c' | 'r')).unwrap_or(0);
    let hashes = rest[prefix..].len() - rest[prefix..].trim_start_matches('#').len();
    let is_raw = rest[..prefix].ends_with('r');
    if prefix > 2 || !rest[prefix + hashes..].starts_with('"') || (hashes > 0 && !is_raw) {
        return 0;
    }
    if !is_raw {
        return quoted(rest, prefix + 1);
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let body = prefix + hashes + 1;
    rest[body..].find(&end).map_or(rest.len(), |at| body + at + end.len())
}

fn quoted(rest: &str, from: usize) -> usize {
    let mut escaped = false;
    for (at, c) in rest[from..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return from + at + 1,
            _ => {}
        }
    }
    rest.len()
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// What every line of a removed test module is replaced with.
const TEST_LINE: char = '\u{1}';

/// The code with each `#[cfg(test)]` item blanked out. Needs code without text, so that braces are braces.
fn without_tests(code: &str) -> String {
    let mut kept = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..at]);
        let (mut depth, mut end) = (0_usize, rest.len());
        for (offset, c) in rest[at..].char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 1 => {
                    end = at + offset + 1;
                    break;
                }
                '}' => depth -= 1,
                ';' if depth == 0 => {
                    end = at + offset + 1;
                    break;
                }
                _ => {}
            }
        }
        for line in rest[at..end].split_inclusive('\n') {
            kept.push(TEST_LINE);
            kept.extend(line.matches('\n'));
        }
        rest = &rest[end..];
    }
    kept.push_str(rest);
    kept
}

fn sources_under(directory: &Path, prefix: &str, sources: &mut Vec<Source>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{prefix}{name}");
        if entry.file_type().unwrap().is_dir() {
            sources_under(&entry.path(), &format!("{path}/"), sources);
        } else if Path::new(&name).extension().is_some_and(|extension| extension == "rs")
            && name != "tests.rs"
        {
            sources.push(Source { path, text: std::fs::read_to_string(entry.path()).unwrap() });
        }
    }
}

fn all_sources() -> Vec<Source> {
    let mut sources = Vec::new();
    sources_under(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut sources);
    assert!(sources.len() > 20, "the sources were not found: {}", sources.len());
    sources
}

#[test]
fn every_source_keeps_to_the_plan_of_the_house() {
    let sources = all_sources();
    let mut report = String::new();
    for source in &sources {
        for offence in offences(source) {
            writeln!(report, "src/{}: {offence}", source.path).unwrap();
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

/// The public functions that give a scope, and how often one is put together out of its fields.
fn ways_to_a_scope(sources: &[Source]) -> (Vec<String>, usize) {
    let (mut ways, mut literals) = (Vec::new(), 0);
    for source in sources {
        let code = without_tests(&without_text(&source.text));
        let words = words(&code);
        let is_home = contains(&words, "impl TenantScope");
        for (at, word) in words.iter().enumerate() {
            let before = at.checked_sub(1).map(|before| words[before]);
            let after = words.get(at + 1);
            if *word == "TenantScope"
                && after == Some(&"{")
                && !["struct", "impl", "for", ">"].contains(&before.unwrap_or(""))
            {
                literals += 1;
            }
            if *word == "fn" && gives_a_scope(&words[at..], is_home) && is_public(&words[..at]) {
                ways.push(words[at + 1].to_owned());
            }
        }
    }
    (ways, literals)
}

/// Whether the signature at the start of `words` names the scope behind its last arrow. `is_home` tells that `Self` may
/// be the scope.
fn gives_a_scope(words: &[&str], is_home: bool) -> bool {
    let end = words.iter().position(|word| ["{", ";"].contains(word)).unwrap_or(words.len());
    let arrow = words[..end].windows(2).rposition(|pair| pair == ["-", ">"]);
    arrow.is_some_and(|arrow| {
        words[arrow..end].iter().any(|word| *word == "TenantScope" || (is_home && *word == "Self"))
    })
}

fn is_public(before: &[&str]) -> bool {
    let qualifiers = before
        .iter()
        .rev()
        .take_while(|word| ["async", "const", ")", "(", "crate", "super", "pub"].contains(word));
    qualifiers.clone().any(|word| *word == "pub")
}

#[test]
fn a_scope_is_had_in_three_ways_and_no_more() {
    let (mut ways, literals) = ways_to_a_scope(&all_sources());
    ways.sort();
    assert_eq!(ways, ["for_job", "for_member", "for_operator"]);
    assert_eq!(literals, 1, "a scope is put together in one place");
}

#[test]
fn a_fourth_way_to_a_scope_would_be_counted() {
    let of =
        |text: &str| ways_to_a_scope(&[Source { path: "service/x.rs".to_owned(), text: text.to_owned() }]);
    assert_eq!(of("impl TenantScope { pub fn open(a: A) -> Result<TenantScope> { b } }").0, ["open"]);
    assert_eq!(of("pub(super) async fn shortcut(id: TenantId) -> TenantScope { b }").0, ["shortcut"]);
    assert_eq!(of("fn f() { let s = TenantScope { a, b }; }").1, 1);
    assert_eq!(of("impl TenantScope { pub fn open(a: A) -> Result<Self> { b } }").0, ["open"]);
    assert_eq!(
        of("pub fn f<T>(scope: &TenantScope, a: impl Fn() -> T) -> Result<T> { b }").0,
        Vec::<String>::new()
    );
    let fine = of(
        "pub struct TenantScope { a: A } impl TenantScope { fn open() -> Result<TenantScope> { b } pub fn f(&self) -> &str { c } }",
    );
    assert_eq!(fine, (Vec::new(), 0));
}

#[track_caller]
fn assert_found(path: &str, text: &str, expected: &str) {
    let found = offences(&Source { path: path.to_owned(), text: text.to_owned() });
    assert!(
        found.iter().any(|offence| offence.contains(expected)),
        "{path} with {text:?} should be found by {expected:?}, found: {found:?}"
    );
}

#[test]
fn an_import_against_the_direction_is_found_in_every_spelling() {
    let cases = [
        ("catalog/tenants.rs", "use crate::tenancy::TenantScope;", "`catalog` must not name `tenancy`"),
        ("catalog/tenants.rs", "use crate::{db::Tx, tenancy};", "`catalog` must not name `tenancy`"),
        ("catalog/tenants.rs", "use crate::{db::{Tx, Value}, tenancy::{Door}};", "must not name `tenancy`"),
        ("catalog/tenants.rs", "fn f() { crate::tenancy::open() }", "`catalog` must not name `tenancy`"),
        ("catalog/tenants.rs", "use super::super::tenancy;", "`catalog` must not name `tenancy`"),
        ("catalog/mod.rs", "use super::tenancy;", "`catalog` must not name `tenancy`"),
        ("db/tx.rs", "use crate::catalog;", "`db` must not name `catalog`"),
        ("tenancy/scope.rs", "use crate::service::Tenantry;", "`tenancy` must not name `service`"),
        ("service/members.rs", "use crate::http::problem;", "`service` must not name `http`"),
        ("service/members.rs", "use crate::jobs::Job;", "`service` must not name `jobs`"),
        ("http/members.rs", "use crate::catalog::members;", "`http` must not name `catalog`"),
        ("http/members.rs", "use crate::db::Value;", "`http` must not name `db`"),
        (
            "http/members.rs",
            "use crate::tenancy::{tx::members, TenantScope};",
            "`http` must not name `tenancy::tx`",
        ),
        ("http/members.rs", "use crate::jobs;", "`http` must not name `jobs`"),
        ("http/members.rs", "use crate::cli;", "`http` must not name `cli`"),
        ("jobs/erase.rs", "use crate::catalog;", "`jobs` must not name `catalog`"),
        ("jobs/erase.rs", "use crate::http;", "`jobs` must not name `http`"),
        ("jobs/erase.rs", "use crate::tenancy::tx;", "`jobs` must not name `tenancy::tx`"),
        ("model/slug.rs", "use crate::db::Value;", "`model` must not name `db`"),
        ("policy.rs", "use crate::catalog;", "`policy` must not name `catalog`"),
        ("rating/tiers.rs", "use crate::clock::Timestamp;", "`rating` must not name `clock`"),
        ("error.rs", "use crate::id::TenantId;", "`error` must not name `id`"),
        ("clock.rs", "use crate::error::Error;", "`clock` must not name `error`"),
        ("manager.rs", "fn f() {}", "`manager` has no place in the house"),
    ];
    for (path, text, expected) in cases {
        assert_found(path, text, expected);
    }
}

#[test]
fn a_word_out_of_its_place_is_found() {
    for word in WORDS {
        assert_found("service/members.rs", &format!("fn f() {{ {}(); }}", word.text), word.text);
    }
    for (parts, banned, _) in NEVER {
        for part in *parts {
            for word in *banned {
                assert_found(&format!("{part}/file.rs"), &format!("fn f() {{ {word} }}"), word);
            }
        }
    }
    assert_found("db/tx.rs", "unsafe fn f() {}", "`unsafe` may stand only in db/ffi.rs");
    assert_found(
        "http/records.rs",
        "scope.write(\"insert\", |tx| insert(tx))",
        "a transaction belongs to service",
    );
}

#[test]
fn a_file_that_grows_too_long_is_found() {
    assert_found("service/members.rs", &"\n".repeat(LONGEST_FILE + 1), "501 lines");
    assert_found("main.rs", &"\n".repeat(LONGEST_MAIN + 1), "61 lines");
}

#[test]
fn what_the_plan_allows_is_not_found() {
    let long_tests = format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{}}}\n", "  fn t() {}\n".repeat(600));
    let cases = [
        ("catalog/tenants.rs", "use crate::db::{Tx, Value};\nuse crate::error::Result;"),
        (
            "http/members.rs",
            "use crate::service::members;\nuse crate::tenancy::TenantScope;\nuse axum::Router;",
        ),
        ("db/tx.rs", "use rusqlite::Connection;\nuse super::value::Value;"),
        ("db/ffi.rs", "unsafe fn f() {}"),
        ("cli/serve.rs", "use crate::{http, jobs, service::Tenantry};"),
        (
            "catalog/words.rs",
            "// crate::tenancy\n/* axum /* axum */ */ fn f() { g(\"rusqlite\", r#\"axum \"\"#, '\"', b'\\''); }",
        ),
        ("catalog/lifetimes.rs", "fn f<'a>(x: &'a str) -> &'a str { x } // axum"),
        (
            "model/tests_aside.rs",
            "#[cfg(test)]\nmod tests {\n  use crate::db; fn f() { std::fs::read(\"}\"); }\n}\n",
        ),
        ("model/long_tests.rs", long_tests.as_str()),
        ("service/own.rs", "use crate::service::members; use super::members::invite;"),
    ];
    for (path, text) in cases {
        let found = offences(&Source { path: path.to_owned(), text: text.to_owned() });
        assert!(found.is_empty(), "{path}: {found:?}");
    }
}
