//! Tables of requests and what has to come back.

use super::call::Call;
use super::client::Client;

/// One line of a table.
pub struct Case {
    name: String,
    call: Call,
    status: u16,
    has: Vec<String>,
    lacks: Vec<String>,
}

impl Case {
    pub fn new(name: impl Into<String>, call: Call, status: u16) -> Case {
        Case { name: name.into(), call, status, has: Vec::new(), lacks: Vec::new() }
    }

    /// The answer's body contains this.
    pub fn has(mut self, text: &str) -> Case {
        self.has.push(text.to_owned());
        self
    }

    /// The answer's body must not contain this.
    pub fn lacks(mut self, text: &str) -> Case {
        self.lacks.push(text.to_owned());
        self
    }
}

/// Sends all of them and fails with the list of those that went wrong.
#[track_caller]
pub fn run_cases(client: &Client, cases: &[Case]) {
    assert!(!cases.is_empty());
    let mut wrong = Vec::new();
    for case in cases {
        let answer = client.send(&case.call);
        let text = answer.text();
        if answer.status != case.status {
            wrong.push(format!("{}: {} instead of {}: {text}", case.name, answer.status, case.status));
        }
        wrong.extend(
            case.has
                .iter()
                .filter(|part| !text.contains(*part))
                .map(|part| format!("{}: no {part:?} in {text}", case.name)),
        );
        wrong.extend(
            case.lacks
                .iter()
                .filter(|part| text.contains(*part))
                .map(|part| format!("{}: {part:?} in {text}", case.name)),
        );
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
