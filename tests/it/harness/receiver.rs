//! Somebody to whom webhooks and jobs are posted: it notes what came and answers as the test says.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tenantry::model::standard_webhooks::{key_of, sign};

/// What came.
#[derive(Clone, Debug)]
pub struct Received {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub text: String,
    pub json: Value,
}

impl Received {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// Whether one of its signatures is made with the secret, as whoever receives has to find out.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let seconds = self.header("webhook-timestamp").parse().unwrap();
        let expected =
            sign(&key_of(secret).unwrap(), self.header("webhook-id"), seconds, self.text.as_bytes());
        self.header("webhook-signature").split(' ').any(|signature| signature == expected)
    }
}

/// What is answered: a status, headers in whole lines, a body.
pub type Reply = (u16, String, String);

pub fn taken() -> Reply {
    (204, String::new(), String::new())
}

type Act = dyn Fn(&Received, usize) -> Reply + Send + Sync;

/// The receiver. Its threads end with the test.
pub struct Receiver {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Receiver {
    /// `act` is told what came, and how many came before it.
    pub fn open(act: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let (noted, act): (_, Arc<Act>) = (Arc::clone(&received), Arc::new(act));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (noted, act) = (Arc::clone(&noted), Arc::clone(&act));
                // A peer that is killed breaks off: that is no failure here.
                std::thread::spawn(move || serve(stream, &noted, &*act));
            }
        });
        Receiver { address, received }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, noted: &Mutex<Vec<Received>>, act: &Act) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    if headers.get("content-encoding").is_some_and(|coding| coding == "gzip") {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut plain).unwrap();
        body = plain;
    }
    let text = String::from_utf8(body).unwrap();
    let received = Received { path, headers, json: serde_json::from_str(&text).unwrap(), text };
    let before = {
        let mut noted = noted.lock().unwrap();
        noted.push(received.clone());
        noted.len() - 1
    };
    let (status, headers, body) = act(&received, before);
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n",
        body.len()
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()
}
