//! Spans that wait for being sent: a bounded number, of which those that come when it is full are dropped and counted. Who
//! adds one waits for nothing.

use super::trace::{Trace, TraceContext};
use crate::clock::SharedClock;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Spans that wait at most.
const MOST: usize = 8_192;
/// So many are sent together, and wake up who sends them.
pub const BATCH: usize = 512;
/// Characters of a text.
const LONGEST: usize = 200;

/// What something is to others, as OTLP numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// A part of something.
    Internal = 1,
    /// It answers a request.
    Server = 2,
    /// It asks somebody.
    Client = 3,
    /// It works off what was queued.
    Consumer = 5,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Described {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
}

/// What is said of a span: name and value.
pub type Attribute = (&'static str, Described);

/// An attribute of a text, of which the beginning is kept.
pub fn text(name: &'static str, value: impl Into<String>) -> Attribute {
    let mut value = value.into();
    if let Some((end, _)) = value.char_indices().nth(LONGEST) {
        value.truncate(end);
    }
    (name, Described::Text(value))
}

/// An attribute of a number.
pub fn number(name: &'static str, value: u64) -> Attribute {
    (name, Described::Number(i64::try_from(value).unwrap_or(i64::MAX)))
}

/// Something that is over. Times are nanoseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub(super) trace: [u8; 16],
    pub(super) id: [u8; 8],
    pub(super) parent: Option<[u8; 8]>,
    pub(super) name: String,
    pub(super) kind: SpanKind,
    pub(super) begun_ns: u64,
    pub(super) ended_ns: u64,
    pub(super) attributes: Vec<Attribute>,
    /// Why it failed, in a word; nothing where it did not.
    pub(super) error: Option<String>,
}

/// Spans that wait for being sent.
pub struct Spans {
    /// Of so many traces one is written down.
    one_in: u64,
    clock: SharedClock,
    waiting: Mutex<VecDeque<Span>>,
    many: Notify,
    sent: AtomicU64,
    dropped: AtomicU64,
}

/// Spans that are being sent. They wait again where this is dropped before it is known what became of them.
pub struct Batch<'s> {
    of: &'s Spans,
    spans: Vec<Span>,
}

impl Spans {
    /// Of `one_in` traces one is written down.
    pub fn new(one_in: u32, clock: SharedClock) -> Arc<Spans> {
        Arc::new(Spans {
            one_in: u64::from(one_in.max(1)),
            clock,
            waiting: Mutex::default(),
            many: Notify::new(),
            sent: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        })
    }

    /// Begins the trace of a request or job, if it is one of those that are written down: by its id, and not where who asks
    /// says that it is not.
    pub fn begin(self: &Arc<Spans>, id: &[u8; 16], brought: Option<TraceContext>) -> Option<Arc<Trace>> {
        Trace::begin(self, id, brought)
    }

    /// By the last seven bytes, which are random in ids of ours and of others.
    pub(super) fn takes(&self, trace: &[u8; 16]) -> bool {
        let last = trace.last_chunk().copied().map_or(0, u64::from_be_bytes);
        (last & (u64::MAX >> 8)).is_multiple_of(self.one_in)
    }

    pub(super) fn now_ns(&self) -> u64 {
        self.clock.now().0.unsigned_abs().saturating_mul(1_000_000)
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Span>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, span: Span) {
        let count = {
            let mut waiting = self.waiting();
            if waiting.len() < MOST {
                waiting.push_back(span);
            } else {
                self.dropped.fetch_add(1, Relaxed);
            }
            waiting.len()
        };
        if count == BATCH {
            self.many.notify_one();
        }
    }

    /// Waits until there are so many that it is worth sending them.
    pub async fn many(&self) {
        self.many.notified().await;
    }

    /// Up to [`BATCH`] of them.
    pub fn take(&self) -> Batch<'_> {
        let mut waiting = self.waiting();
        let count = waiting.len().min(BATCH);
        Batch { of: self, spans: waiting.drain(..count).collect() }
    }

    /// How many were sent and how many dropped since the start.
    pub fn counts(&self) -> (u64, u64) {
        (self.sent.load(Relaxed), self.dropped.load(Relaxed))
    }
}

impl Batch<'_> {
    /// What is in it.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// All but so many were taken.
    pub fn sent(mut self, rejected: u64) {
        let count = std::mem::take(&mut self.spans).len() as u64;
        let rejected = rejected.min(count);
        self.of.sent.fetch_add(count - rejected, Relaxed);
        self.of.dropped.fetch_add(rejected, Relaxed);
    }

    /// Nobody takes them.
    pub fn drop_them(mut self) {
        self.of.dropped.fetch_add(std::mem::take(&mut self.spans).len() as u64, Relaxed);
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        if self.spans.is_empty() {
            return;
        }
        let mut waiting = self.of.waiting();
        while let Some(span) = self.spans.pop() {
            if waiting.len() < MOST {
                waiting.push_front(span);
            } else {
                self.of.dropped.fetch_add(1, Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{ManualClock, Timestamp};

    fn spans(one_in: u32) -> Arc<Spans> {
        Spans::new(one_in, Arc::new(ManualClock::new(Timestamp(1_000))))
    }

    fn end(spans: &Arc<Spans>, name: usize) {
        let trace = spans.begin(&[7; 16], None).unwrap();
        trace.end(name.to_string(), SpanKind::Server, Vec::new(), None);
    }

    #[test]
    fn beyond_the_bound_they_are_dropped_and_counted_and_a_batch_that_is_given_up_waits_again() {
        let spans = spans(1);
        (0..MOST + 3).for_each(|name| end(&spans, name));
        assert_eq!(spans.counts(), (0, 3));
        let first = |batch: &Batch<'_>| batch.spans()[0].name.clone();
        let batch = spans.take();
        assert_eq!((batch.spans().len(), first(&batch)), (BATCH, "0".to_owned()));
        drop(batch);
        let batch = spans.take();
        assert_eq!(first(&batch), "0");
        batch.sent(2);
        assert_eq!(spans.counts(), (BATCH as u64 - 2, 5));
        let batch = spans.take();
        assert_eq!(first(&batch), BATCH.to_string());
        batch.drop_them();
        assert_eq!(spans.counts().1, 5 + BATCH as u64);
        assert_eq!(spans.waiting().len(), MOST - 2 * BATCH);
    }

    #[test]
    fn of_so_many_traces_one_is_taken_and_none_that_its_maker_does_not_write_down() {
        let spans = spans(10);
        let taken = (0_u32..10_000).filter(|number| {
            let mut id = [1; 16];
            id[12..].copy_from_slice(&number.wrapping_mul(0x9E37_79B9).to_be_bytes());
            spans.begin(&id, None).is_some()
        });
        let taken = taken.count();
        assert!((850..1_150).contains(&taken), "{taken}");
        let brought = |is_sampled| Some(TraceContext { trace: [0; 16], span: [3; 8], is_sampled });
        assert!(spans.begin(&[1; 16], brought(true)).is_some());
        assert!(spans.begin(&[1; 16], brought(false)).is_none());
    }

    #[test]
    fn texts_are_cut_between_characters() {
        let (_, Described::Text(cut)) = text("a", "\u{e9}".repeat(300)) else { panic!("a text") };
        assert_eq!(cut.chars().count(), LONGEST);
    }
}
