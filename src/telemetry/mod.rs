//! What the server tells of itself: the log, figures by tenant in memory, what of them is kept, and how they are shown.
//!
//! [`Figures`] counts; every few seconds what was counted is taken and goes into the [minute](Minutes) that runs, which is
//! [stored](Store) when it is over, and into what [`/metrics`](Shown) shows.

mod exposition;
mod figures;
mod log;
mod minutes;
pub mod otlp;
mod process;
mod shown;
mod slow;
mod spans;
mod store;
pub mod subject;
mod totals;
mod trace;
mod waiting;
mod window;

pub use exposition::{CONTENT_TYPE, Exposition, TenantNamed};
pub use figures::{Answered, Counters, Figures, JobRuns, micros};
pub use log::start;
pub use minutes::{Minutes, Recent, minute};
pub use process::Process;
pub use shown::{Shown, ShownTotals};
pub use slow::{Slow, SlowStatements};
pub use spans::{Attribute, BATCH, Batch, Span, SpanKind, Spans, number, text};
pub use store::{Bucket, MOST_POINTS, Store};
pub use totals::{CLASSES, Figure, LATENCY_BOUNDS_US, NUMBERS, Totals};
pub use trace::{Part, Trace, TraceContext, WritePart, WriteTimes};
pub use waiting::{Backlog, InFlight, JobsWaiting};
pub use window::Window;
