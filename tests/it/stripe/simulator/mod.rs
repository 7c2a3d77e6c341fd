//! A Stripe on loopback: it keeps customers, checkouts, subscriptions, invoices and items, answers as the real one does, and
//! sends what became of them as signed events, as a test wants them sent.

mod answers;
mod objects;
mod wire;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use hmac::{Hmac, KeyInit as _, Mac as _};
use rustls::ServerConfig;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::harness::{Answer, Call, Client, Installation};

/// The key that lets in.
pub const KEY: &str = "sk_test_otter4711juggles";
/// What webhooks are signed with.
pub const SECRET: &str = "whsec_otter4711lanterns";

/// Which API version's shapes objects have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Of 2020.
    Old,
    /// Of 2025 and later.
    Current,
}

/// Listens on loopback until it is dropped.
pub struct Stripe {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    installation: Arc<Installation>,
    shape: Shape,
    security: Option<Arc<ServerConfig>>,
    objects: Mutex<Objects>,
    /// What is answered instead, if it is not 0.
    failing: AtomicU16,
    /// Requests whose path is this are answered with 500, after so many more that are not.
    failing_path: Mutex<Option<(String, usize)>>,
    /// Changes that hold one of these texts, in path or fields, are refused for good.
    refused: Mutex<Vec<String>>,
    /// Method, path and fields of each request.
    log: Mutex<Vec<String>>,
    /// Where a request waits until it is let go.
    gate: wire::Gate,
    requests: AtomicUsize,
    ended: AtomicBool,
}

/// Everything that it keeps, by id, in the order of making.
#[derive(Default)]
struct Objects {
    customers: BTreeMap<String, Value>,
    sessions: BTreeMap<String, Value>,
    subscriptions: BTreeMap<String, Value>,
    invoices: BTreeMap<String, Value>,
    items: BTreeMap<String, Value>,
    charges: BTreeMap<String, Value>,
    disputes: BTreeMap<String, Value>,
    /// Which charge paid with which intent for which invoice.
    payments: Vec<(String, String)>,
    events: Vec<Value>,
    /// Answers by idempotency key, and what was asked.
    answered: BTreeMap<String, (String, Value)>,
    next: u64,
}

impl Stripe {
    /// Listens on a port of its own, and writes the settings of an installation so that it goes there.
    pub fn start(installation: &Arc<Installation>, shape: Shape) -> Stripe {
        Stripe::start_with(installation, shape, None)
    }

    /// The same behind TLS.
    pub fn start_with(
        installation: &Arc<Installation>,
        shape: Shape,
        security: Option<Arc<ServerConfig>>,
    ) -> Stripe {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            installation: Arc::clone(installation),
            shape,
            security,
            objects: Mutex::default(),
            failing: AtomicU16::new(0),
            failing_path: Mutex::default(),
            refused: Mutex::default(),
            log: Mutex::default(),
            gate: wire::Gate::default(),
            requests: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.ended.load(Ordering::SeqCst) {
                    return;
                }
                let state = Arc::clone(&shared);
                // Ends when its client goes.
                std::thread::spawn(move || drop(wire::talk(stream, &state)));
            }
        });
        let stripe = Stripe { address, state };
        stripe.settings(&format!("stripe_webhook_secrets = [\"{SECRET}\"]"));
        installation.plant_secret(KEY);
        installation.plant_secret(SECRET);
        stripe
    }

    /// Writes the settings anew, with these lines beside key and address.
    pub fn settings(&self, more: &str) {
        let data = self.state.installation.data();
        std::fs::create_dir_all(&data).unwrap();
        // As the program itself makes it.
        std::fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let settings =
            format!("stripe_secret_key = \"{KEY}\"\nstripe_api_base = \"{}\"\n{more}\n", self.url());
        std::fs::write(data.join("tenantry.toml"), settings).unwrap();
    }

    pub fn url(&self) -> String {
        match self.state.security {
            None => format!("http://{}", self.address),
            Some(_) => format!("https://localhost:{}", self.address.port()),
        }
    }

    /// From now on every request is answered with this status; 0 is the end of that.
    pub fn fail_with(&self, status: u16) {
        self.state.failing.store(status, Ordering::SeqCst);
    }

    /// From now on requests for this path are answered with 500, after so many more that are not; nothing is the end of that.
    pub fn fail_on(&self, path: Option<(&str, usize)>) {
        *self.state.failing_path.lock().unwrap() = path.map(|(path, after)| (path.to_owned(), after));
    }

    /// From now on changes that hold this text, in path or fields, are refused.
    pub fn refuse(&self, text: &str) {
        self.state.refused.lock().unwrap().push(text.to_owned());
    }

    /// Nothing is refused any more.
    pub fn accept(&self) {
        self.state.refused.lock().unwrap().clear();
    }

    /// Lets the next request that begins so ("DELETE /v1/subscriptions") wait until it is let go.
    pub fn hold(&self, request: &str) {
        self.state.gate.close(request);
    }

    /// Waits until it has come.
    pub fn held(&self) {
        self.state.gate.reached();
    }

    /// Lets it go.
    pub fn release(&self) {
        self.state.gate.open();
    }

    /// Requests so far that begin so, with their fields.
    pub fn asked(&self, request: &str) -> Vec<String> {
        let log = self.state.log.lock().unwrap();
        log.iter().filter(|one| one.starts_with(request)).cloned().collect()
    }

    /// How many requests came so far.
    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.state.objects.lock().unwrap()
    }

    /// All events so far, oldest first.
    pub fn events(&self) -> Vec<Value> {
        self.objects().events.clone()
    }

    /// The newest event of a type.
    #[track_caller]
    pub fn event(&self, kind: &str) -> Value {
        let events = self.events();
        events.into_iter().rev().find(|event| event["type"] == kind).unwrap_or_else(|| panic!("no {kind}"))
    }

    /// Posts an event as it is sent: signed now, over these bytes.
    #[track_caller]
    pub fn send(&self, client: &Client, event: &Value) -> Answer {
        client.nobody().send(&self.webhook(event.to_string()))
    }

    /// The request that brings a body, signed now.
    pub fn webhook(&self, body: impl Into<String>) -> Call {
        let body = body.into();
        let signature = signed(SECRET, self.now(), &body);
        Call::new("POST", "/webhooks/stripe")
            .bytes("application/json", body)
            .header("stripe-signature", signature)
    }

    /// Posts all events in the order in which they arose.
    #[track_caller]
    pub fn send_all(&self, client: &Client) {
        for event in self.events() {
            self.send(client, &event).expect(200);
        }
    }

    /// The installation's own time, in seconds.
    pub fn now(&self) -> i64 {
        self.state.now()
    }
}

impl State {
    fn now(&self) -> i64 {
        let offset = std::fs::read_to_string(self.installation.beside("clock")).unwrap_or_default();
        let real = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        (i64::try_from(real.as_millis()).unwrap() + offset.trim().parse::<i64>().unwrap_or(0)) / 1_000
    }
}

impl Drop for Stripe {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::SeqCst);
        // Wakes the listener, which then lets go of the port.
        let _ = TcpStream::connect(self.address);
    }
}

/// A header as Stripe writes it.
pub fn signed(secret: &str, time: i64, body: &str) -> String {
    format!("t={time},v1={}", signature(secret, time, body))
}

/// The signature in it.
pub fn signature(secret: &str, time: i64, body: &str) -> String {
    let mut hmac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    hmac.update(format!("{time}.{body}").as_bytes());
    tenantry::model::hex::hex(&hmac.finalize().into_bytes())
}

/// The same numbers for the same seed.
pub struct Shuffle(AtomicU64);

impl Shuffle {
    pub fn new(seed: u64) -> Shuffle {
        Shuffle(AtomicU64::new(seed))
    }

    /// A number below `bound` (`SplitMix64`).
    pub fn below(&self, bound: usize) -> usize {
        let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % u64::try_from(bound).unwrap()).unwrap()
    }

    pub fn shuffle<T>(&self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

fn event(id: String, kind: &str, object: &Value, created: i64, shape: Shape) -> Value {
    let version = if shape == Shape::Old { "2020-08-27" } else { "2025-09-30.clover" };
    json!({
        "id": id, "object": "event", "api_version": version, "created": created, "livemode": false,
        "pending_webhooks": 1, "request": {"id": null, "idempotency_key": null}, "type": kind,
        "data": {"object": object},
    })
}
