//! The log: lines for people or JSON, on standard error, each with what the work is about that it tells of.

use super::subject;
use crate::config::{Config, LogFormat};
use std::fmt::{self, Write as _};
use tracing::{Event, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Starts logging as the settings say. Once per process.
///
/// # Errors
/// A sentence when the directives of `log` cannot be read.
pub fn start(config: &Config) -> Result<(), String> {
    let filter =
        EnvFilter::try_new(&config.log).map_err(|error| format!("log = {:?}: {error}", config.log))?;
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // A second start (in tests) keeps the first.
    let _ = match config.log_format {
        LogFormat::Text => {
            let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
            let about = |line| About { line, format: LogFormat::Text };
            builder.with_ansi(ansi).map_event_format(|line| about(line.with_ansi(ansi))).try_init()
        }
        LogFormat::Json => {
            let about = |line| About { line, format: LogFormat::Json };
            builder.json().flatten_event(true).with_ansi(false).map_event_format(about).try_init()
        }
    };
    Ok(())
}

/// A format of lines, and behind what it writes what the work of the task is about.
struct About<L> {
    line: L,
    format: LogFormat,
}

impl<S, N, L> FormatEvent<S, N> for About<L>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    L: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(subject) = subject::current() else {
            return self.line.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.line.format_event(context, Writer::new(&mut line), event)?;
        let fields = event.metadata().fields();
        let mut about = String::new();
        let mut wrote = Ok(());
        subject.each(|name, value| {
            // What the event says itself is not said twice.
            if wrote.is_ok() && fields.field(name).is_none() {
                wrote = match self.format {
                    LogFormat::Text => write!(about, " {name}={value}"),
                    // Ids, and names of kinds, which are made of letters, digits and underscores.
                    LogFormat::Json => {
                        let value = serde_json::Value::String(value.to_string());
                        write!(about, ",\"{name}\":{value}")
                    }
                };
            }
        });
        wrote?;
        let line = line.trim_end_matches('\n');
        match (self.format, line.strip_suffix('}')) {
            (LogFormat::Json, Some(object)) => writeln!(writer, "{object}{about}}}"),
            _ => writeln!(writer, "{line}{about}"),
        }
    }
}
