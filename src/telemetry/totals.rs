//! What is counted of each tenant, and sums of it.

/// One thing that is counted. Each only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Figure {
    /// Requests that were answered.
    Requests,
    /// Those of them that failed by a fault of ours: 500 and 504.
    Errors,
    /// Those of them that were refused by a limit, for money, or because too much is to be done: 429, 402 and 503.
    Refused,
    /// Microseconds from the head of each request that was not refused to its answer.
    RequestUs,
    /// Microseconds that statements on the tenant's file ran.
    DatabaseUs,
    /// Rows that these statements answered or changed.
    Rows,
    /// Bytes of the bodies of requests, as far as their lengths were told.
    BytesIn,
    /// Bytes of the bodies of answers, as far as their lengths were known.
    BytesOut,
    /// Attempts at jobs that are over.
    Jobs,
    /// Those of them that failed.
    JobsFailed,
    /// Microseconds that attempts at jobs ran.
    JobUs,
}

impl Figure {
    /// All of them, in the order of their numbers.
    pub const ALL: [Figure; 11] = [
        Figure::Requests,
        Figure::Errors,
        Figure::Refused,
        Figure::RequestUs,
        Figure::DatabaseUs,
        Figure::Rows,
        Figure::BytesIn,
        Figure::BytesOut,
        Figure::Jobs,
        Figure::JobsFailed,
        Figure::JobUs,
    ];

    /// Its name: of the column, and in what the API tells.
    pub const fn name(self) -> &'static str {
        match self {
            Figure::Requests => "requests",
            Figure::Errors => "errors",
            Figure::Refused => "refused",
            Figure::RequestUs => "request_us",
            Figure::DatabaseUs => "database_us",
            Figure::Rows => "row_count",
            Figure::BytesIn => "bytes_in",
            Figure::BytesOut => "bytes_out",
            Figure::Jobs => "jobs",
            Figure::JobsFailed => "jobs_failed",
            Figure::JobUs => "job_us",
        }
    }
}

/// Upper bounds of the classes in which the time of a request is counted, in microseconds. What takes longer than the last
/// is in one more class.
pub const LATENCY_BOUNDS_US: [u64; 15] = [
    250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000, 10_000_000,
];
/// How many classes there are.
pub const CLASSES: usize = LATENCY_BOUNDS_US.len() + 1;
/// How many numbers there are of each tenant.
pub const NUMBERS: usize = Figure::ALL.len() + CLASSES;

/// The class in which a time is counted.
pub(super) fn class_of(us: u64) -> usize {
    LATENCY_BOUNDS_US.partition_point(|bound| *bound < us)
}

/// Sums of all figures, and of the classes of latency behind them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals(pub [u64; NUMBERS]);

impl Default for Totals {
    fn default() -> Totals {
        Totals([0; NUMBERS])
    }
}

impl Totals {
    /// One sum.
    pub fn get(&self, figure: Figure) -> u64 {
        self.0[figure as usize]
    }

    /// How many requests fell into each class of latency.
    pub fn latency(&self) -> &[u64] {
        &self.0[Figure::ALL.len()..]
    }

    /// Whether nothing was counted.
    pub fn is_zero(&self) -> bool {
        self.0.iter().all(|number| *number == 0)
    }

    /// Adds others.
    pub fn add(&mut self, other: &Totals) {
        for (sum, number) in self.0.iter_mut().zip(&other.0) {
            *sum = sum.saturating_add(*number);
        }
    }

    /// In how many microseconds a share of all requests was answered, supposing that those of one class are spread evenly
    /// over it; nothing where there were none. Of those beyond the last bound it is only known that they took longer.
    pub fn quantile_us(&self, share: f64) -> Option<u64> {
        let all: u64 = self.latency().iter().sum();
        if all == 0 {
            return None;
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "estimates"
        )]
        let found = {
            let rank = all as f64 * share.clamp(0.0, 1.0);
            let mut below = 0.0;
            let mut from = 0;
            let mut found = None;
            for (count, to) in self.latency().iter().zip(LATENCY_BOUNDS_US) {
                let count = *count as f64;
                if count > 0.0 && below + count >= rank {
                    found = Some(from + ((to - from) as f64 * (rank - below).max(0.0) / count) as u64);
                    break;
                }
                below += count;
                from = to;
            }
            found.unwrap_or(from)
        };
        Some(found)
    }

    /// Errors among requests, from 0 to 1; nothing where there were none.
    #[expect(clippy::cast_precision_loss, reason = "a share")]
    pub fn error_rate(&self) -> Option<f64> {
        let requests = self.get(Figure::Requests);
        (requests > 0).then(|| self.get(Figure::Errors) as f64 / requests as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_the_numbers_of_their_order() {
        for (number, figure) in Figure::ALL.into_iter().enumerate() {
            assert_eq!(number, figure as usize, "{figure:?}");
        }
    }

    #[test]
    fn a_time_is_counted_in_the_class_that_ends_with_it() {
        assert_eq!([0, 1, 250, 251, 10_000_000, 10_000_001].map(class_of), [0, 0, 0, 1, 14, 15]);
    }

    #[test]
    fn quantiles_lie_within_the_class_of_their_request() {
        let mut totals = Totals::default();
        assert_eq!((totals.quantile_us(0.5), totals.error_rate()), (None, None));
        let latency = Figure::ALL.len();
        totals.0[latency + 2] = 90;
        totals.0[latency + 8] = 9;
        totals.0[latency + 15] = 1;
        assert_eq!(totals.quantile_us(0.0), Some(500));
        assert_eq!(totals.quantile_us(0.45), Some(750));
        assert_eq!(totals.quantile_us(0.9), Some(1_000));
        assert_eq!(totals.quantile_us(0.99), Some(100_000));
        assert_eq!(totals.quantile_us(1.0), Some(10_000_000));
        totals.0[Figure::Requests as usize] = 100;
        totals.0[Figure::Errors as usize] = 1;
        assert_eq!(totals.error_rate(), Some(0.01));
    }
}
