//! A mail server that takes letters and keeps them.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use super::eventually;
use super::mail::decoded;

/// Listens on loopback until it is dropped.
pub struct Smtp {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    letters: Mutex<Vec<Taken>>,
    /// What is answered to the next RCPT commands instead of 250.
    refusals: Mutex<VecDeque<String>>,
    /// Every command line that came.
    commands: Mutex<Vec<String>>,
    ended: AtomicBool,
}

/// A letter that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Of the envelope.
    pub from: String,
    /// Of the envelope.
    pub to: String,
    /// Head and body, the body without its transfer encoding.
    pub text: String,
}

impl Smtp {
    /// Listens on a port of its own.
    pub fn start() -> Smtp {
        Smtp::listen(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// Listens on the port of one that has ended.
    pub fn start_at(port: u16) -> Smtp {
        Smtp::listen(eventually("the port", || TcpListener::bind(("127.0.0.1", port)).ok()))
    }

    fn listen(listener: TcpListener) -> Smtp {
        let (address, state) = (listener.local_addr().unwrap(), Arc::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.ended.load(Ordering::SeqCst) {
                    return;
                }
                let state = Arc::clone(&shared);
                // Ends when its client goes.
                std::thread::spawn(move || drop(talk(&stream, &state)));
            }
        });
        Smtp { address, state }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The line that answers the next recipient.
    pub fn refuse_next(&self, line: &str) {
        self.state.refusals.lock().unwrap().push_back(line.to_owned());
    }

    /// Letters to an address so far.
    pub fn letters_to(&self, address: &str) -> Vec<Taken> {
        let letters = self.state.letters.lock().unwrap();
        letters.iter().filter(|letter| letter.to == address).cloned().collect()
    }

    /// The newest of at least `count` letters to an address; waits for them.
    #[track_caller]
    pub fn letter_to(&self, address: &str, count: usize) -> Taken {
        eventually(&format!("letter {count} to {address}"), || {
            let mut letters = self.letters_to(address);
            if letters.len() < count { None } else { letters.pop() }
        })
    }

    /// All commands so far.
    pub fn commands(&self) -> Vec<String> {
        self.state.commands.lock().unwrap().clone()
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::SeqCst);
        // Wakes the listener, which then lets go of the port.
        let _ = TcpStream::connect(self.address);
    }
}

/// One connection (RFC 5321), with AUTH PLAIN and without TLS.
fn talk(stream: &TcpStream, state: &State) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream);
    let mut to_client = stream;
    let mut say = |line: &str| to_client.write_all(format!("{line}\r\n").as_bytes());
    let (mut from, mut to) = (String::new(), String::new());
    say("220 test ESMTP")?;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 || state.ended.load(Ordering::SeqCst) {
            return Ok(());
        }
        let line = line.trim_end();
        state.commands.lock().unwrap().push(line.to_owned());
        let address = line.split(['<', '>']).nth(1).unwrap_or_default();
        match line.split([' ', ':']).next().unwrap_or_default().to_uppercase().as_str() {
            "EHLO" => say("250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN")?,
            "AUTH" => say("235 good")?,
            "MAIL" => {
                address.clone_into(&mut from);
                say("250 ok")?;
            }
            "RCPT" => {
                address.clone_into(&mut to);
                let refusal = state.refusals.lock().unwrap().pop_front();
                say(refusal.as_deref().unwrap_or("250 ok"))?;
            }
            "DATA" => {
                say("354 go on")?;
                let mut text = String::new();
                loop {
                    let mut line = String::new();
                    if lines.read_line(&mut line)? == 0 {
                        return Ok(());
                    }
                    if line == ".\r\n" {
                        break;
                    }
                    text.push_str(line.strip_prefix('.').unwrap_or(&line));
                }
                let letter = Taken { from: from.clone(), to: to.clone(), text: decoded(&text) };
                state.letters.lock().unwrap().push(letter);
                say("250 taken")?;
            }
            "QUIT" => return say("221 bye"),
            "RSET" | "NOOP" => say("250 ok")?,
            _ => say("502 not here")?,
        }
    }
}
