//! A service that does jobs: it notes what it was asked and answers as the test says.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// What was posted.
#[derive(Clone, Debug)]
pub struct Posted {
    pub headers: BTreeMap<String, String>,
    pub text: String,
    pub json: Value,
}

impl Posted {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn job(&self) -> &str {
        self.json["id"].as_str().unwrap()
    }

    pub fn tenant(&self) -> &str {
        self.json["tenant"]["slug"].as_str().unwrap()
    }
}

/// What is answered: a status, headers in whole lines, a body.
pub type Reply = (u16, String, Value);

pub fn done() -> Reply {
    (200, String::new(), json!({ "done": true }))
}

type Act = dyn Fn(&Posted, usize) -> Reply + Send + Sync;

/// The service. Its threads end with the test.
pub struct Desk {
    address: SocketAddr,
    posted: Arc<Mutex<Vec<Posted>>>,
}

impl Desk {
    /// `act` is told what was posted, and how often this job was before.
    pub fn open(act: impl Fn(&Posted, usize) -> Reply + Send + Sync + 'static) -> Desk {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let posted: Arc<Mutex<Vec<Posted>>> = Arc::default();
        let (noted, act): (_, Arc<Act>) = (Arc::clone(&posted), Arc::new(act));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (noted, act) = (Arc::clone(&noted), Arc::clone(&act));
                // A peer that is killed breaks off: that is no failure here.
                std::thread::spawn(move || serve(stream, &noted, &*act));
            }
        });
        Desk { address, posted }
    }

    pub fn url(&self) -> String {
        format!("http://{}/work", self.address)
    }

    pub fn posted(&self) -> Vec<Posted> {
        self.posted.lock().unwrap().clone()
    }
}

fn serve(stream: TcpStream, noted: &Mutex<Vec<Posted>>, act: &Act) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    assert!(line.starts_with("POST /work "), "{line}");
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    reader.read_exact(&mut body).ok()?;
    let text = String::from_utf8(body).unwrap();
    let posted = Posted { headers, json: serde_json::from_str(&text).unwrap(), text };
    let before = {
        let mut noted = noted.lock().unwrap();
        let before = noted.iter().filter(|one| one.job() == posted.job()).count();
        noted.push(posted.clone());
        before
    };
    let (status, headers, body) = act(&posted, before);
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n",
        body.len()
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()
}
