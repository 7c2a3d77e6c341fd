//! Traces: what a request or a job did, in spans. Off, none of it is made. The trace of a request that brings none has the
//! id of the request, and that of a job the id of the job: who has one finds the other.

use super::figures::micros;
use super::spans::{Attribute, Span, SpanKind, Spans, number, text};
use crate::clock::monotonic;
use crate::model::hex::{bytes_of, hex};
use crate::random;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// The longest `traceparent` that is read: versions to come may be longer than the 55 bytes of this one.
const LONGEST: usize = 256;

/// The header `traceparent` of W3C Trace Context, level 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The id of the trace.
    pub trace: [u8; 16],
    /// The id of the span that others are part of.
    pub span: [u8; 8],
    /// Whether who began it writes it down.
    pub is_sampled: bool,
}

impl TraceContext {
    /// What a header says; `None` for what is none.
    pub fn parse(text: &str) -> Option<TraceContext> {
        let bytes = text.as_bytes();
        if !(55..=LONGEST).contains(&bytes.len()) || bytes.iter().any(|byte| !is_of_header(*byte)) {
            return None;
        }
        let version = bytes_of::<1>(text.get(..2)?)?;
        let is_longer = bytes.len() > 55;
        let is_wrong = match version {
            [0xff] => true,
            [0] => is_longer,
            _ => is_longer && bytes.get(55) != Some(&b'-'),
        };
        if is_wrong || [2, 35, 52].iter().any(|at| bytes.get(*at) != Some(&b'-')) {
            return None;
        }
        let trace = bytes_of(text.get(3..35)?)?;
        let span = bytes_of(text.get(36..52)?)?;
        let [flags] = bytes_of(text.get(53..55)?)?;
        if trace == [0; 16] || span == [0; 8] {
            return None;
        }
        Some(TraceContext { trace, span, is_sampled: flags & 1 == 1 })
    }

    /// The header.
    pub fn header(&self) -> String {
        let flags = u8::from(self.is_sampled);
        format!("00-{}-{}-{flags:02x}", hex(&self.trace), hex(&self.span))
    }
}

fn is_of_header(byte: u8) -> bool {
    byte == b'-' || byte.is_ascii_digit() || byte.is_ascii_lowercase()
}

/// A trace that is written down, and its span for all of a request or job.
pub struct Trace {
    spans: Arc<Spans>,
    context: TraceContext,
    parent: Option<[u8; 8]>,
    begun: Instant,
    /// The same by the clock, in nanoseconds.
    begun_ns: u64,
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Trace({})", self.context.header())
    }
}

impl Trace {
    /// Begins one, if it is among those that are written down. `brought` is what whoever asks is part of.
    pub(super) fn begin(
        spans: &Arc<Spans>,
        id: &[u8; 16],
        brought: Option<TraceContext>,
    ) -> Option<Arc<Trace>> {
        let trace = brought.map_or(*id, |brought| brought.trace);
        if brought.is_some_and(|brought| !brought.is_sampled) || !spans.takes(&trace) {
            return None;
        }
        let context = TraceContext { trace, span: random::id_bytes(), is_sampled: true };
        Some(Arc::new(Trace {
            spans: Arc::clone(spans),
            context,
            parent: brought.map(|brought| brought.span),
            begun: monotonic(),
            begun_ns: spans.now_ns(),
        }))
    }

    /// Its id, in hex.
    pub fn id(&self) -> String {
        hex(&self.context.trace)
    }

    /// Begins a part of it.
    pub(super) fn part(self: &Arc<Trace>) -> Part {
        let context = TraceContext { span: random::id_bytes(), ..self.context };
        Part { trace: Arc::clone(self), context, begun: monotonic() }
    }

    /// All of it is over.
    pub fn end(&self, name: String, kind: SpanKind, attributes: Vec<Attribute>, error: Option<String>) {
        self.spans.add(Span {
            trace: self.context.trace,
            id: self.context.span,
            parent: self.parent,
            name,
            kind,
            begun_ns: self.begun_ns,
            ended_ns: self.at(monotonic()),
            attributes,
            error,
        });
    }

    fn at(&self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.begun).as_nanos();
        self.begun_ns.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }
}

/// A part of a request or job.
pub struct Part {
    trace: Arc<Trace>,
    context: TraceContext,
    begun: Instant,
}

impl Part {
    /// The header `traceparent` for whoever is asked in this part.
    pub fn header(&self) -> String {
        self.context.header()
    }

    /// It is over.
    pub fn end(self, name: String, kind: SpanKind, attributes: Vec<Attribute>, error: Option<String>) {
        self.trace.spans.add(Span {
            trace: self.context.trace,
            id: self.context.span,
            parent: Some(self.trace.context.span),
            name,
            kind,
            begun_ns: self.trace.at(self.begun),
            ended_ns: self.trace.at(monotonic()),
            attributes,
            error,
        });
    }
}

/// A write of a request or job: how long it waited for its turn, how long it ran and how long its commit took.
pub struct WritePart {
    part: Part,
    name: &'static str,
    times: Arc<WriteTimes>,
}

/// When a write was begun and when it was done with, in microseconds from when it was queued.
pub struct WriteTimes {
    queued: Instant,
    begun: AtomicU64,
    done: AtomicU64,
}

impl WritePart {
    pub(super) fn begin(part: Part, name: &'static str) -> WritePart {
        let times = WriteTimes { queued: part.begun, begun: AtomicU64::new(0), done: AtomicU64::new(0) };
        WritePart { part, name, times: Arc::new(times) }
    }

    /// What the write tells when it runs.
    pub fn times(&self) -> Arc<WriteTimes> {
        Arc::clone(&self.times)
    }

    /// It was answered, with an error of this code where it failed.
    pub fn end(self, error: Option<&str>) {
        let all = self.times.now();
        let begun = self.times.begun.load(Relaxed).min(all);
        let done = self.times.done.load(Relaxed).clamp(begun, all);
        let attributes = vec![
            text("db.system.name", "sqlite"),
            number("tenantry.queue_us", begun),
            number("tenantry.run_us", done - begun),
            number("tenantry.commit_us", all - done),
        ];
        self.part.end(
            format!("write {}", self.name),
            SpanKind::Internal,
            attributes,
            error.map(str::to_owned),
        );
    }
}

impl WriteTimes {
    /// Runs what the write does; the last time counts.
    pub fn run<T>(&self, act: impl FnOnce() -> T) -> T {
        self.begun.store(self.now(), Relaxed);
        let result = act();
        self.done.store(self.now(), Relaxed);
        result
    }

    fn now(&self) -> u64 {
        micros(monotonic().saturating_duration_since(self.queued))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_header_is_read_as_the_standard_says_and_nothing_else_is() {
        let context = TraceContext::parse(GOOD).unwrap();
        assert!(context.is_sampled);
        assert_eq!(context.header(), GOOD);
        assert!(!TraceContext::parse(&format!("{}00", &GOOD[..53])).unwrap().is_sampled);
        assert!(TraceContext::parse(&format!("{}ff", &GOOD[..53])).unwrap().is_sampled);
        // A version to come, with more behind it.
        assert_eq!(
            TraceContext::parse(&format!("cc{}-more", &GOOD[2..])).map(|one| one.trace),
            Some(context.trace)
        );
        for wrong in [
            String::new(),
            GOOD.to_uppercase(),
            format!("{GOOD}-more"),
            format!("ff{}", &GOOD[2..]),
            format!("cc{}more", &GOOD[2..]),
            format!("cc{}-{}", &GOOD[2..], "a".repeat(300)),
            format!(" {}", &GOOD[1..]),
            GOOD.replace('-', "_"),
            GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            GOOD.replace("00f067aa0ba902b7", &"0".repeat(16)),
            GOOD.replace("4b", "4g"),
            GOOD[..54].to_owned(),
            "\u{e9}".repeat(30),
        ] {
            assert_eq!(TraceContext::parse(&wrong), None, "{wrong}");
        }
    }
}
