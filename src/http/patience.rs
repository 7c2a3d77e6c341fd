//! How long a peer may keep a connection waiting, and who is waiting for whom.

use crate::clock::monotonic;
use hyper::body::{Body, Frame, SizeHint};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// What a peer is given before its connection is closed.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// From an answer, or the beginning, to the first byte of the next request.
    pub(super) idle: Duration,
    /// From the first byte of a request to the end of its head.
    pub(super) head: Duration,
    /// For taking anything at all of what we send.
    pub(super) taking: Duration,
}

/// What a connection is doing, told by its stream and by the requests on it.
pub(super) struct Activity(Mutex<State>);

#[derive(Clone, Copy)]
struct State {
    phase: Phase,
    stalled: Option<Instant>,
}

/// The time is since when.
#[derive(Clone, Copy)]
enum Phase {
    Idle(Instant),
    InHead(Instant),
    /// Between the head of a request and the end of its answer. Both have bounds of their own.
    Answering,
}

/// When a connection has kept us waiting for too long.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    pub(super) at: Instant,
    /// Whether it is only for the want of a request, so that it may move closer when connections run short.
    pub(super) is_idle: bool,
}

impl Activity {
    pub(super) fn new() -> Arc<Activity> {
        Arc::new(Activity(Mutex::new(State { phase: Phase::Idle(now()), stalled: None })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request has begun; it lasts until what is returned is dropped.
    pub(super) fn answering(self: &Arc<Activity>) -> Answering {
        self.state().phase = Phase::Answering;
        Answering(Arc::clone(self))
    }

    /// None while the next step is ours.
    pub(super) fn deadline(&self, patience: &Patience) -> Option<Deadline> {
        let State { phase, stalled } = *self.state();
        let (waiting, is_idle) = match phase {
            Phase::Idle(since) => (Some(since + patience.idle), true),
            Phase::InHead(since) => (Some(since + patience.head), false),
            Phase::Answering => (None, false),
        };
        match (waiting, stalled.map(|since| since + patience.taking)) {
            (Some(at), None) => Some(Deadline { at, is_idle }),
            (None, Some(at)) => Some(Deadline { at, is_idle: false }),
            (Some(waiting), Some(taking)) => Some(Deadline { at: waiting.min(taking), is_idle: false }),
            (None, None) => None,
        }
    }
}

pub(super) fn now() -> Instant {
    Instant::from_std(monotonic())
}

/// A request on its way to the end of its answer.
pub(super) struct Answering(Arc<Activity>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.state().phase = Phase::Idle(now());
    }
}

/// The body of an answer, which ends the request when it has been sent.
pub(super) struct Sending<B> {
    body: B,
    _request: Answering,
}

impl<B> Sending<B> {
    pub(super) fn new(body: B, request: Answering) -> Sending<B> {
        Sending { body, _request: request }
    }
}

impl<B: Body + Unpin> Body for Sending<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream that tells what its peer does.
pub(super) struct Watched<S> {
    stream: S,
    activity: Arc<Activity>,
    is_stalled: bool,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>) -> Watched<S> {
        Watched { stream, activity, is_stalled: false }
    }

    /// Passes on how a write went. The state is touched only when that changes.
    fn wrote<T>(&mut self, result: Poll<T>) -> Poll<T> {
        if self.is_stalled != result.is_pending() {
            self.is_stalled = result.is_pending();
            self.activity.state().stalled = self.is_stalled.then(now);
        }
        result
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            let mut state = self.activity.state();
            if let Phase::Idle(_) = state.phase {
                state.phase = Phase::InHead(now());
            }
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
