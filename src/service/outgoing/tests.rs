//! Receivers that would have us call somebody else, or never let us go.

use super::*;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// Answers each look-up with the next of its addresses, and counts them.
struct Turning {
    answers: Vec<Vec<IpAddr>>,
    asked: AtomicUsize,
}

impl Turning {
    fn new(answers: &[&[&str]]) -> Arc<Turning> {
        let read = |list: &&[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Turning { answers: answers.iter().map(read).collect(), asked: AtomicUsize::new(0) })
    }
}

impl Lookup for Turning {
    fn addresses(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        let turn = self.asked.fetch_add(1, SeqCst);
        Ok(self.answers[turn.min(self.answers.len() - 1)].clone())
    }
}

/// A receiver that reads a request and then does `act`; how many came is counted.
fn receiver(act: fn(TcpStream)) -> (SocketAddr, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, came) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(0)));
    let counted = Arc::clone(&came);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            *counted.lock().unwrap() += 1;
            std::thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                act(stream);
            });
        }
    });
    (address, came)
}

fn outgoing(networks: &[&str], lookup: &Arc<Turning>) -> Arc<Outgoing> {
    let networks = networks.iter().map(|text| text.parse().unwrap()).collect();
    let lookup: Arc<dyn Lookup> = Arc::<Turning>::clone(lookup);
    Arc::new(Outgoing::new(OutgoingRules { allow_http: true, networks }, lookup))
}

async fn send(outgoing: &Arc<Outgoing>, url: &str) -> Result<Answered, String> {
    outgoing.send(Request::post(url).body("{}".to_owned()).unwrap(), Timestamp(0)).await
}

fn answer(mut stream: TcpStream, text: &str) {
    let _ = stream.write_all(text.as_bytes());
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_every_address_must_be_in_the_open() {
    let (address, came) = receiver(|stream| answer(stream, "HTTP/1.1 204 X\r\nConnection: close\r\n\r\n"));
    let url = format!("http://hooks.example:{}/", address.port());
    // What is connected to is what was looked at: a second look would lead elsewhere.
    let rebinding = Turning::new(&[&["127.0.0.1"], &["10.9.9.9"]]);
    let found = send(&outgoing(&["127.0.0.0/8"], &rebinding), &url).await.unwrap();
    assert_eq!((found.status, rebinding.asked.load(SeqCst), *came.lock().unwrap()), (204, 1, 1));
    for addresses in [
        &["127.0.0.1"][..],
        &["8.8.8.8", "127.0.0.1"],
        &["::ffff:127.0.0.1"],
        &["::1"],
        &["169.254.169.254"],
        &["fd00:ec2::254"],
        &["64:ff9b::7f00:1"],
        &["0.0.0.0"],
    ] {
        let lookup = Turning::new(&[addresses]);
        let refused = send(&outgoing(&[], &lookup), &url).await.unwrap_err();
        assert!(refused.contains("open internet"), "{addresses:?}: {refused}");
    }
    for host in ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"] {
        let lookup = Turning::new(&[&["8.8.8.8"]]);
        let url = format!("http://{host}:{}/", address.port());
        assert!(send(&outgoing(&["10.0.0.0/8"], &lookup), &url).await.unwrap_err().contains("open internet"));
        assert_eq!(lookup.asked.load(SeqCst), 0);
    }
    assert_eq!(*came.lock().unwrap(), 1, "nothing else was connected to");
    let nowhere = Turning::new(&[&[]]);
    let unknown = send(&outgoing(&[], &nowhere), &url).await.unwrap_err();
    let inner = Turning::new(&[&["10.0.0.7"]]);
    let known = send(&outgoing(&[], &inner), &url).await.unwrap_err();
    assert_eq!(unknown, known, "it cannot be told which names there are in our networks");
}

#[tokio::test]
async fn http_is_called_only_where_the_operator_says_so() {
    let lookup: Arc<dyn Lookup> = Turning::new(&[&["127.0.0.1"]]);
    let networks = vec!["127.0.0.0/8".parse().unwrap()];
    let outgoing = Arc::new(Outgoing::new(OutgoingRules { allow_http: false, networks }, lookup));
    let (address, came) = receiver(|stream| answer(stream, "HTTP/1.1 204 X\r\n\r\n"));
    let refused = send(&outgoing, &format!("http://hooks.example:{}/", address.port())).await;
    assert!(refused.is_err() && *came.lock().unwrap() == 0, "{refused:?}");
}

#[tokio::test]
async fn redirects_are_told_and_not_followed() {
    let (inner, came) = receiver(|stream| answer(stream, "HTTP/1.1 200 X\r\n\r\n"));
    let (address, _) = receiver(|stream| {
        answer(stream, "HTTP/1.1 307 X\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n");
    });
    let lookup = Turning::new(&[&["127.0.0.1"]]);
    let outgoing = outgoing(&["127.0.0.0/8"], &lookup);
    assert_eq!(send(&outgoing, &format!("http://{address}/")).await.unwrap().status, 307);
    assert_eq!((*came.lock().unwrap(), inner.port() > 0), (0, true));
}

#[tokio::test]
async fn answers_without_end_are_cut_and_their_beginning_counts() {
    let lookup = Turning::new(&[&["127.0.0.1"]]);
    let outgoing = outgoing(&["127.0.0.0/8"], &lookup);
    let endless = |mut stream: TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 503 X\r\nRetry-After: 7\r\n\r\n");
        while stream.write_all(&[b'x'; 4_096]).is_ok() {}
    };
    let (address, _) = receiver(endless);
    let answered = send(&outgoing, &format!("http://{address}/")).await.unwrap();
    assert_eq!((answered.status, answered.wait, answered.body.len()), (503, Some(7_000), 64 << 10));
    let (address, _) = receiver(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 X\r\n");
        while stream.write_all(b"X-More: and more of it\r\n").is_ok() {}
    });
    let refused = send(&outgoing, &format!("http://{address}/")).await.unwrap_err();
    assert!(refused.contains("headers") || refused.contains("not HTTP"), "{refused}");
    let (address, _) = receiver(|stream| answer(stream, "SSH-2.0-OpenSSH_9.9\r\n\r\n"));
    assert!(send(&outgoing, &format!("http://{address}/")).await.is_err());
}

#[tokio::test]
async fn a_receiver_that_drips_is_let_go_of_in_time() {
    let lookup = Turning::new(&[&["127.0.0.1"]]);
    let outgoing = outgoing(&["127.0.0.0/8"], &lookup);
    let drip = |mut stream: TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 X\r\nContent-Length: 1000000\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    let silent = |stream: TcpStream| {
        std::thread::sleep(Duration::from_mins(1));
        drop(stream);
    };
    let ((dripping, _), (silent, _)) = (receiver(drip), receiver(silent));
    let begun = monotonic();
    let (dripping, silent) = (format!("http://{dripping}/"), format!("http://{silent}/"));
    let (slow, none) = tokio::join!(send(&outgoing, &dripping), send(&outgoing, &silent));
    assert_eq!(slow.unwrap().status, 200);
    assert!(none.unwrap_err().contains("in time"));
    assert!(begun.elapsed() < PATIENCE + Duration::from_secs(5), "{:?}", begun.elapsed());
}
