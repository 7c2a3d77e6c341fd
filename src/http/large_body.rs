//! Bodies that are not read before anything is decided: they have a deadline of their own where a route takes them
//! piece by piece, and are drained where nobody takes them.

use super::problem::Problem;
use super::routes::Declared;
use crate::clock::monotonic;
use crate::error::{Error, Kind, Result};
use crate::service::Installation;
use crate::tenancy::Admitted;
use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::{Extensions, header};
use futures_util::StreamExt as _;
use hyper::body::{Frame, SizeHint};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

/// About how much is taken in before it is passed on.
const PIECE: usize = 256 << 10;
/// Bytes a second, on average, that keep an upload alive: what the slowest of mobile networks does.
const SLOWEST: u64 = 4 << 10;
/// How long what nobody wants is read so that the answer is not lost: in all, and while nothing comes. And how far.
const DRAINED_FOR: Duration = Duration::from_secs(5);
const NOTHING_FOR: Duration = Duration::from_secs(1);
const DRAINED: usize = 64 << 20;

/// Whether the deadline of a request counts. It does, until a route that streams begins to take the body.
#[derive(Clone, Default)]
pub(super) struct Deadline(Arc<AtomicBool>);

impl Deadline {
    fn lift(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_lifted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Gives a request with a large body, or one of unknown size, a deadline that can be lifted.
pub(super) fn prepare(request: Request) -> (Request, Deadline) {
    let deadline = Deadline::default();
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(deadline.clone());
    // Who waits for a go-ahead sends nothing without it.
    let body = if parts.headers.contains_key(header::EXPECT) { body } else { Body::new(Drained(body)) };
    (Request::from_parts(parts, body), deadline)
}

/// Reads what may be slow in coming: who waits for a slow peer has no turn of its tenant meanwhile.
///
/// # Errors
/// 503 where no turn comes afterwards.
pub(super) async fn out_of_turn<T>(extensions: &Extensions, reading: impl Future<Output = T>) -> Result<T> {
    match (extensions.get::<Deadline>(), extensions.get::<Arc<Admitted>>()) {
        (Some(_), Some(admitted)) => admitted.out_of_turn(reading).await,
        _ => Ok(reading.await),
    }
}

/// A body whose rest is read and thrown away when it is dropped. A connection that is closed with bytes unread is reset,
/// and the client would lose the very answer that says why its upload is refused.
struct Drained(Body);

impl HttpBody for Drained {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        if self.0.is_end_stream() {
            return;
        }
        let mut rest = std::mem::take(&mut self.0).into_data_stream();
        let drain = async move {
            let mut left = DRAINED;
            while let Ok(Some(Ok(bytes))) = tokio::time::timeout(NOTHING_FOR, rest.next()).await
                && bytes.len() < left
            {
                left -= bytes.len();
            }
        };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn(tokio::time::timeout(DRAINED_FOR, drain)));
        }
    }
}

/// The body of a request to a route that streams, piece by piece.
pub(super) struct Pieces {
    body: BodyDataStream,
    announced: Option<u64>,
    patience: Duration,
    /// How long the client was waited for, in all.
    waited: Duration,
    received: u64,
}

impl FromRequest<Arc<Installation>> for Pieces {
    type Rejection = Problem;

    async fn from_request(request: Request, installation: &Arc<Installation>) -> Result<Pieces, Problem> {
        let (parts, body) = request.into_parts();
        Declared::of(&parts)?.require_streaming()?;
        if let Some(deadline) = parts.extensions.get::<Deadline>() {
            deadline.lift();
        }
        let announced = body.size_hint().exact();
        let patience = Duration::from_secs(installation.config().request_seconds);
        let body = body.into_data_stream();
        Ok(Pieces { body, announced, patience, waited: Duration::ZERO, received: 0 })
    }
}

impl Pieces {
    /// How many bytes come, where the client says so.
    pub(super) fn announced(&self) -> Option<u64> {
        self.announced
    }

    /// The next bytes, a good many of them; none at the end.
    ///
    /// # Errors
    /// 400 where the body breaks off, 504 where it comes too slowly.
    pub(super) async fn next(&mut self) -> Result<Vec<Bytes>> {
        let (mut pieces, mut size) = (Vec::new(), 0);
        while size < PIECE {
            let begun = monotonic();
            let next = tokio::time::timeout(self.time_left(), self.body.next()).await;
            self.waited += begun.elapsed();
            match next {
                Ok(Some(Ok(bytes))) => {
                    size += bytes.len();
                    self.received += bytes.len() as u64;
                    pieces.push(bytes);
                }
                Ok(Some(Err(error))) => return Err(Error::body_incomplete().because(error)),
                Ok(None) => break,
                Err(_) => {
                    return Err(Error::new(
                        Kind::DeadlinePassed,
                        "upload_too_slow",
                        "Too little of the file came for too long. Try again on a better connection.",
                    ));
                }
            }
        }
        Ok(pieces)
    }

    /// So long without a byte, and so many bytes in all the time.
    fn time_left(&self) -> Duration {
        let allowed = self.patience + Duration::from_secs(self.received / SLOWEST);
        self.patience.min(allowed.saturating_sub(self.waited))
    }
}
