//! One connection from its acceptance to its end.
//!
//! The limit of hyper for reading a head also counts the time before its first byte, and allocates a timer for each
//! request. Here idle connections and half-sent heads have limits of their own, on one timer that is set as seldom as
//! possible.

use super::address::Peer;
use super::patience::{Activity, Patience, Sending, Watched, now};
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use futures_util::FutureExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Sleep;

/// Most bytes of a head: what is longer is answered with 431. Its headers may be 100, the bound of hyper.
const MOST_OF_HEAD: usize = 32 << 10;
/// About how much is read ahead of what takes a body, and written ahead of the peer.
const BUFFER: usize = 64 << 10;
/// What an idle connection is given when connections run short.
pub(super) const WHEN_CROWDED: Duration = Duration::from_secs(5);

/// What a connection is served with.
pub(super) struct Serving<A, F> {
    /// Answers one request.
    pub(super) answer: A,
    pub(super) patience: Patience,
    /// Whether more than one request is taken.
    pub(super) keep_alive: bool,
    /// Whether connections run short, so that idle ones have to go.
    pub(super) is_crowded: F,
    /// True once the server drains; gone once it gives up.
    pub(super) draining: watch::Receiver<bool>,
}

/// Serves requests until the peer, the patience or the server comes to an end.
pub(super) async fn serve<S, A, R, F>(stream: S, peer: SocketAddr, serving: Serving<A, F>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: Fn(Request) -> R,
    R: Future<Output = Response>,
    F: Fn() -> bool,
{
    let Serving { answer, patience, keep_alive, is_crowded, mut draining } = serving;
    let (activity, of) = (Activity::new(), Peer::new(peer));
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let answering = activity.answering();
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(of.clone());
        answer(request)
            .map(|response| Ok::<_, Infallible>(response.map(|body| Sending::new(body, answering))))
    });
    let mut connection = pin!(
        http1::Builder::new()
            .keep_alive(keep_alive)
            .max_header_size(MOST_OF_HEAD)
            .max_buf_size(BUFFER)
            // Ours counts otherwise, see above.
            .header_read_timeout(None)
            .serve_connection(TokioIo::new(Watched::new(stream, Arc::clone(&activity))), service)
    );
    let mut timer = pin!(tokio::time::sleep(patience.idle.min(WHEN_CROWDED)));
    loop {
        let served = poll_fn(|cx| {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(Some(ended));
            }
            // Whatever changes the deadline happens while the connection is polled.
            poll_patience(&activity, &patience, &is_crowded, timer.as_mut(), cx).map(|()| None)
        });
        tokio::select! {
            biased;
            ended = served => {
                match ended {
                    Some(Ok(())) => {}
                    Some(Err(error)) => tracing::debug!(%peer, %error, "connection ended"),
                    None => tracing::debug!(%peer, "connection closed: the peer kept it waiting"),
                }
                return;
            }
            changed = draining.changed() => match changed {
                Ok(()) => connection.as_mut().graceful_shutdown(),
                Err(_) => return,
            },
        }
    }
}

/// Ready when the peer has had its time. The timer may go off too early, never too late: it is moved only where the
/// deadline comes closer, and otherwise looks again when it goes off.
fn poll_patience(
    activity: &Activity,
    patience: &Patience,
    is_crowded: impl Fn() -> bool,
    mut timer: Pin<&mut Sleep>,
    cx: &mut Context<'_>,
) -> Poll<()> {
    loop {
        let Some(deadline) = activity.deadline(patience) else { return Poll::Pending };
        let (mut at, mut look_again) = (deadline.at, deadline.at);
        if deadline.is_idle {
            if is_crowded() {
                // Its time began `idle` before the deadline.
                at = at - patience.idle + patience.idle.min(WHEN_CROWDED);
            }
            look_again = at.min(now() + WHEN_CROWDED);
        }
        if look_again < timer.deadline() {
            timer.as_mut().reset(look_again);
        }
        if timer.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        if at <= now() {
            return Poll::Ready(());
        }
        timer.as_mut().reset(look_again);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Bytes;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
    use tower::Service as _;

    const SHORT: Duration = Duration::from_millis(100);
    const LONG: Duration = Duration::from_secs(600);
    /// How long an end may take to be noticed.
    const SOON: Duration = Duration::from_secs(20);
    const REQUEST: &[u8] = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n";

    /// The client's end of a connection that is being served.
    fn connect(patience: Patience, is_crowded: bool) -> (DuplexStream, watch::Sender<bool>) {
        let (ours, theirs) = tokio::io::duplex(1_024);
        let slow = || async {
            tokio::time::sleep(SHORT * 5).await;
            "done"
        };
        let big = || async { Bytes::from(vec![b'x'; 1 << 20]) };
        let draining = watch::Sender::new(false);
        let router: Router = Router::new().route("/slow", get(slow)).route("/big", get(big));
        let serving = Serving {
            answer: move |request: Request| {
                let mut router = router.clone();
                async move { router.call(request).await.unwrap() }
            },
            patience,
            keep_alive: true,
            is_crowded: move || is_crowded,
            draining: draining.subscribe(),
        };
        tokio::spawn(serve(theirs, SocketAddr::from(([127, 0, 0, 1], 1)), serving));
        (ours, draining)
    }

    const ENDLESS: Patience = Patience { idle: LONG, head: LONG, taking: LONG };

    async fn is_closed_soon(stream: &mut DuplexStream) -> bool {
        let mut rest = Vec::new();
        tokio::time::timeout(SOON, stream.read_to_end(&mut rest)).await.is_ok()
    }

    async fn read_answer(stream: &mut DuplexStream) -> String {
        let mut answer = Vec::new();
        while !answer.ends_with(b"done") {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "closed within an answer");
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn a_connection_without_a_request_is_closed_and_a_slow_answer_is_waited_for() {
        let (mut stream, _draining) = connect(Patience { idle: SHORT, ..ENDLESS }, false);
        stream.write_all(REQUEST).await.unwrap();
        read_answer(&mut stream).await;
        assert!(is_closed_soon(&mut stream).await);
        let (mut stream, _draining) = connect(Patience { idle: SHORT, ..ENDLESS }, false);
        assert!(is_closed_soon(&mut stream).await);
    }

    #[tokio::test]
    async fn a_head_has_a_time_from_its_first_byte_however_it_trickles() {
        let (mut stream, _draining) = connect(Patience { head: SHORT, ..ENDLESS }, false);
        // Longer than a head may take: an idle connection is none of its business.
        tokio::time::sleep(SHORT * 3).await;
        stream.write_all(REQUEST).await.unwrap();
        read_answer(&mut stream).await;
        stream.write_all(b"GET /").await.unwrap();
        let trickled = async {
            while stream.write_all(b"x").await.is_ok() {
                tokio::time::sleep(SHORT / 5).await;
            }
        };
        assert!(tokio::time::timeout(SOON, trickled).await.is_ok());
    }

    #[tokio::test]
    async fn who_does_not_take_an_answer_is_given_up() {
        let (mut stream, _draining) = connect(Patience { taking: SHORT, ..ENDLESS }, false);
        stream.write_all(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        tokio::time::sleep(SHORT * 5).await;
        let mut taken = Vec::new();
        let read = tokio::time::timeout(SOON, stream.read_to_end(&mut taken)).await;
        assert!(read.is_ok() && taken.len() < 1 << 20, "{} bytes came", taken.len());
    }

    #[tokio::test]
    async fn idle_connections_go_first_when_they_run_short() {
        let (mut stream, _draining) = connect(ENDLESS, true);
        assert!(is_closed_soon(&mut stream).await);
    }

    #[tokio::test]
    async fn draining_ends_the_idle_at_once_and_the_busy_after_their_answer() {
        let (mut idle, draining_idle) = connect(ENDLESS, false);
        let (mut busy, draining_busy) = connect(ENDLESS, false);
        idle.write_all(REQUEST).await.unwrap();
        read_answer(&mut idle).await;
        busy.write_all(REQUEST).await.unwrap();
        // Until the request has been read.
        tokio::time::sleep(SHORT).await;
        draining_idle.send_replace(true);
        draining_busy.send_replace(true);
        assert!(read_answer(&mut busy).await.contains("connection: close"));
        assert!(is_closed_soon(&mut busy).await && is_closed_soon(&mut idle).await);
        tokio::time::timeout(SOON, draining_busy.closed()).await.unwrap();
    }
}
