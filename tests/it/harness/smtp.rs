//! A mail server that takes letters and keeps them.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::eventually;
use super::mail::{decoded, html_in, subject_in};

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
    /// Every command line that came; behind TLS with a mark in front.
    commands: Mutex<Vec<String>>,
    ended: AtomicBool,
    security: Security,
}

/// How a server secures its connections.
#[derive(Clone, Default)]
pub enum Security {
    #[default]
    None,
    /// From the first byte.
    Tls(Arc<ServerConfig>),
    /// Once it is asked for.
    Starttls(Arc<ServerConfig>),
}

/// A letter that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Of the envelope.
    pub from: String,
    /// Of the envelope.
    pub to: String,
    /// Head and text, the text without its transfer encoding.
    pub text: String,
    /// The HTML.
    pub html: String,
    /// The subject as it is shown.
    pub subject: String,
}

impl Smtp {
    /// Listens on a port of its own.
    pub fn start() -> Smtp {
        Smtp::start_with(Security::None)
    }

    /// The same with TLS.
    pub fn start_with(security: Security) -> Smtp {
        Smtp::listen(TcpListener::bind("127.0.0.1:0").unwrap(), security)
    }

    /// Listens on the port of one that has ended.
    pub fn start_at(port: u16) -> Smtp {
        let listener = eventually("the port", || TcpListener::bind(("127.0.0.1", port)).ok());
        Smtp::listen(listener, Security::None)
    }

    fn listen(listener: TcpListener, security: Security) -> Smtp {
        let state = Arc::new(State { security, ..State::default() });
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.ended.load(Ordering::SeqCst) {
                    return;
                }
                let state = Arc::clone(&shared);
                // Ends when its client goes.
                std::thread::spawn(move || drop(talk(stream, &state)));
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

    /// All letters so far, in their order.
    pub fn letters(&self) -> Vec<Taken> {
        self.state.letters.lock().unwrap().clone()
    }

    /// The letter to an address with this in its subject; waits for it.
    #[track_caller]
    pub fn letter_about(&self, address: &str, subject: &str) -> Taken {
        eventually(&format!("a letter to {address} about {subject}"), || {
            self.letters_to(address).into_iter().find(|letter| letter.subject.contains(subject))
        })
    }

    /// All commands so far; those behind TLS begin with `TLS `.
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

/// A connection, in the clear or not.
enum Wire {
    Plain(TcpStream),
    Secured(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Wire {
    fn secured(self, config: &Arc<ServerConfig>) -> std::io::Result<Wire> {
        let Wire::Plain(stream) = self else { return Ok(self) };
        let connection = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
        Ok(Wire::Secured(Box::new(StreamOwned::new(connection, stream))))
    }
}

impl Read for Wire {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        match self {
            Wire::Plain(stream) => stream.read(bytes),
            Wire::Secured(stream) => stream.read(bytes),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            Wire::Plain(stream) => stream.write(bytes),
            Wire::Secured(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            Wire::Plain(stream) => stream.flush(),
            Wire::Secured(stream) => stream.flush(),
        }
    }
}

fn say(lines: &mut BufReader<Wire>, line: &str) -> std::io::Result<()> {
    let wire = lines.get_mut();
    wire.write_all(format!("{line}\r\n").as_bytes())?;
    wire.flush()
}

/// One connection (RFC 5321), with AUTH PLAIN, and with TLS where the server has it (RFC 3207, RFC 8314).
fn talk(stream: TcpStream, state: &State) -> std::io::Result<()> {
    let mut wire = Wire::Plain(stream);
    if let Security::Tls(config) = &state.security {
        wire = wire.secured(config)?;
    }
    let mut lines = BufReader::new(wire);
    let (mut from, mut to) = (String::new(), String::new());
    say(&mut lines, "220 test ESMTP")?;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 || state.ended.load(Ordering::SeqCst) {
            return Ok(());
        }
        let line = line.trim_end();
        let is_secured = matches!(lines.get_ref(), Wire::Secured(_));
        let mark = if is_secured { "TLS " } else { "" };
        state.commands.lock().unwrap().push(format!("{mark}{line}"));
        let address = line.split(['<', '>']).nth(1).unwrap_or_default();
        match line.split([' ', ':']).next().unwrap_or_default().to_uppercase().as_str() {
            "EHLO" => match &state.security {
                Security::Starttls(_) if !is_secured => {
                    say(&mut lines, "250-test\r\n250-STARTTLS\r\n250 8BITMIME")?;
                }
                _ => say(&mut lines, "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN")?,
            },
            "STARTTLS" => match &state.security {
                Security::Starttls(config) if !is_secured => {
                    say(&mut lines, "220 go on")?;
                    // Whatever came before is none of what is said from here on.
                    lines = BufReader::new(lines.into_inner().secured(config)?);
                }
                _ => say(&mut lines, "502 not here")?,
            },
            "AUTH" => say(&mut lines, "235 good")?,
            "MAIL" => {
                address.clone_into(&mut from);
                say(&mut lines, "250 ok")?;
            }
            "RCPT" => {
                address.clone_into(&mut to);
                let refusal = state.refusals.lock().unwrap().pop_front();
                say(&mut lines, refusal.as_deref().unwrap_or("250 ok"))?;
            }
            "DATA" => {
                say(&mut lines, "354 go on")?;
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
                let (from, to) = (from.clone(), to.clone());
                let (html, subject) = (html_in(&text), subject_in(&text));
                let letter = Taken { from, to, text: decoded(&text), html, subject };
                state.letters.lock().unwrap().push(letter);
                say(&mut lines, "250 taken")?;
            }
            "QUIT" => return say(&mut lines, "221 bye"),
            "RSET" | "NOOP" => say(&mut lines, "250 ok")?,
            _ => say(&mut lines, "502 not here")?,
        }
    }
}
