//! `tenantry top`: what the server that runs here does, tenant by tenant.

use super::{Common, Failure, admin, block_on, control, output};
use crate::service::admin::Command;
use serde_json::Value;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::mpsc;

/// Lines above the tenants.
const HEAD: usize = 5;

pub(super) fn run(
    common: &Common,
    once: bool,
    every: u64,
    tenants: Option<u32>,
) -> Result<ExitCode, Failure> {
    let config = admin::quiet(common)?;
    let watches = !once && !common.json && std::io::stdout().is_terminal() && std::io::stdin().is_terminal();
    block_on(&config, async {
        let ask = async |limit| {
            let command = Command::Top { limit };
            let answer = control::send(&config.data, &command, &|_| {}).await?;
            answer.ok_or_else(|| {
                Failure::Failed(format!(
                    "no server runs on {}; start one with `tenantry serve`",
                    config.data.display()
                ))
            })
        };
        let limit = |fits: usize| tenants.map_or(fits, |most| most as usize);
        if !watches {
            let answer = ask(limit(50)).await?;
            admin::print(common, &answer, |answer| screen(answer, usize::MAX));
            return Ok(ExitCode::SUCCESS);
        }
        let first = ask(1).await?;
        let mut terminal = Terminal::enter()?;
        show(&first)?;
        loop {
            let answer = ask(limit(terminal_rows().saturating_sub(HEAD + 1))).await?;
            show(&answer)?;
            if terminal.wants_to_quit(Duration::from_secs(every)).await {
                return Ok(ExitCode::SUCCESS);
            }
        }
    })
}

/// The terminal as it is while this runs; as it was before when dropped.
struct Terminal {
    before: rustix::termios::Termios,
    keys: mpsc::UnboundedReceiver<u8>,
}

impl Terminal {
    fn enter() -> Result<Terminal, Failure> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let stdin = std::io::stdin();
        let before = tcgetattr(&stdin).map_err(std::io::Error::from)?;
        let mut raw = before.clone();
        // Keys one by one, and Ctrl-C as one of them: it must not leave the terminal like this.
        raw.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
        tcsetattr(&stdin, OptionalActions::Flush, &raw).map_err(std::io::Error::from)?;
        let (sender, keys) = mpsc::unbounded_channel();
        // Ends with the program: nobody can wake it.
        std::thread::spawn(move || {
            for key in std::io::stdin().lock().bytes() {
                let Ok(key) = key else { return };
                if sender.send(key).is_err() {
                    return;
                }
            }
        });
        let terminal = Terminal { before, keys };
        // Another screen, without a cursor.
        print!("\x1b[?1049h\x1b[?25l");
        std::io::stdout().flush()?;
        Ok(terminal)
    }

    /// Waits for `q`, Ctrl-C or Ctrl-D; another key shows anew at once.
    async fn wants_to_quit(&mut self, wait: Duration) -> bool {
        match tokio::time::timeout(wait, self.keys.recv()).await {
            Ok(Some(key)) => matches!(key, b'q' | b'Q' | 0x03 | 0x04),
            Ok(None) => true,
            Err(_) => false,
        }
    }
}

/// Lines of the terminal.
fn terminal_rows() -> usize {
    rustix::termios::tcgetwinsize(std::io::stdout()).map_or(24, |size| usize::from(size.ws_row).max(HEAD + 2))
}

fn show(answer: &Value) -> Result<(), Failure> {
    let text = screen(answer, terminal_rows());
    let mut out = std::io::stdout().lock();
    // Each line to its end, then what is left of the screen.
    write!(out, "\x1b[H{}\x1b[K\x1b[J", text.replace('\n', "\x1b[K\r\n"))?;
    Ok(out.flush()?)
}

impl Drop for Terminal {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        print!("\x1b[?25h\x1b[?1049l");
        let _ = std::io::stdout().flush();
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.before);
    }
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or(0.0)
}

fn bytes(count: f64) -> String {
    let mut units = ["B", "KB", "MB", "GB"].into_iter();
    let (mut count, mut unit) = (count, units.next().unwrap_or_default());
    for next in units {
        if count < 1_000.0 {
            break;
        }
        (count, unit) = (count / 1_000.0, next);
    }
    format!("{count:.0} {unit}")
}

fn percent(rate: &Value) -> String {
    rate.as_f64().map_or_else(|| "-".to_owned(), |rate| format!("{:.1}%", rate * 100.0))
}

fn ms(value: &Value) -> String {
    value.as_f64().map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"))
}

/// What is shown, in so many lines at most.
fn screen(answer: &Value, rows: usize) -> String {
    let (all, process, files) = (&answer["all"], &answer["process"], &answer["open_files"]);
    let mut lines = vec![
        format!(
            "tenantry {}  {}  the last {:.0} s  {} tenants active  (q quits)",
            answer["version"].as_str().unwrap_or_default(),
            answer["at"].as_str().unwrap_or_default(),
            number(answer, "seconds"),
            answer["active_tenants"]
        ),
        format!(
            "requests {:.1}/s  errors {}  refused {}  p50 {} ms  p95 {} ms  p99 {} ms",
            number(all, "requests_per_second"),
            percent(&all["error_rate"]),
            all["refused"],
            ms(&all["p50_ms"]),
            ms(&all["p95_ms"]),
            ms(&all["p99_ms"])
        ),
        format!(
            "database {:.0} ms/s  memory {}  descriptors {}  open files {}/{}  jobs running {}",
            number(all, "database_ms_per_second"),
            bytes(number(process, "resident_bytes")),
            process["descriptors"],
            files["open"],
            files["most"],
            answer["jobs_running"]
        ),
        String::new(),
    ];
    let table: Vec<Vec<String>> = answer["tenants"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|line| {
            vec![
                line["tenant"]["slug"].as_str().unwrap_or_default().to_owned(),
                format!("{:.1}", number(line, "requests_per_second")),
                ms(&line["p50_ms"]),
                ms(&line["p95_ms"]),
                ms(&line["p99_ms"]),
                percent(&line["error_rate"]),
                line["refused"].to_string(),
                format!("{:.1}", number(line, "database_ms_per_second")),
                format!("{:.0}", number(line, "rows_per_second")),
                format!("{}/s", bytes(number(line, "bytes_out_per_second"))),
                format!("{}/{}", line["jobs"], line["jobs_failed"]),
            ]
        })
        .collect();
    let head = [
        "TENANT",
        "REQ/S",
        "P50 MS",
        "P95 MS",
        "P99 MS",
        "ERRORS",
        "REFUSED",
        "DB MS/S",
        "ROWS/S",
        "OUT",
        "JOBS/FAILED",
    ];
    lines.extend(output::table(&head, &table).trim_end().lines().map(str::to_owned));
    lines.truncate(rows.saturating_sub(1));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_screen_has_no_more_lines_than_the_terminal() {
        let line = json!({ "tenant": { "slug": "acme" }, "requests_per_second": 12.34, "p95_ms": 3.21, "error_rate": 0.5 });
        let answer = json!({ "tenants": vec![line; 40], "process": { "resident_bytes": 120_000_000 } });
        let text = screen(&answer, 10);
        assert_eq!(text.lines().count(), 9);
        assert!(text.contains("memory 120 MB") && text.contains("acme") && text.contains("50.0%"), "{text}");
        assert_eq!(screen(&answer, usize::MAX).lines().count(), HEAD + 40);
    }
}
