//! Connections: how long each may keep the server waiting, how many there may be, and how they end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Installation, PATIENCE, Server, eventually, raw_request};

const LIVE: &[u8] = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
const LIVE_AND_CLOSE: &[u8] = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
const ME: &[u8] = b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\n\r\n";

fn serve_with(settings: &[(&str, &str)]) -> Server {
    let installation = Installation::new();
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    command.envs(settings.iter().copied());
    Server::spawn(&installation, command).unwrap()
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A connection on which the server waits for the rest of a request.
fn half_a_request(server: &Server) -> TcpStream {
    let mut stream = connect(server);
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\nX-Slow: ").unwrap();
    stream
}

/// Asks for `/livez` and reads the answer; the connection stays open.
fn ask(stream: &mut TcpStream) {
    stream.write_all(LIVE).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok\n") {
        let mut part = [0; 1_024];
        let count = stream.read(&mut part).unwrap();
        assert_ne!(count, 0, "closed after {:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&part[..count]);
    }
}

/// Reads to the end; a reset is one.
fn rest(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    if let Err(error) = stream.read_to_end(&mut rest) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "not closed by the server");
    }
    String::from_utf8_lossy(&rest).into_owned()
}

#[test]
fn a_head_that_trickles_is_given_ten_seconds_and_idle_connections_more() {
    let server = serve_with(&[]);
    let mut idle = connect(&server);
    ask(&mut idle);
    let mut slow = half_a_request(&server);
    let begun = Instant::now();
    while slow.write_all(b"x").is_ok() {
        assert!(begun.elapsed() < PATIENCE, "a head may take as long as it likes");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(begun.elapsed() > Duration::from_secs(9), "closed after {:?}", begun.elapsed());
    ask(&mut idle);
    server.stop();
}

#[test]
fn connections_without_a_request_are_closed() {
    let server = serve_with(&[("TENANTRY_IDLE_SECONDS", "1")]);
    let (mut fresh, mut used) = (connect(&server), connect(&server));
    ask(&mut used);
    assert_eq!((rest(&mut fresh), rest(&mut used)), (String::new(), String::new()));
    server.stop();
}

#[test]
fn a_body_that_trickles_ends_with_the_deadline_of_its_request() {
    let server = serve_with(&[("TENANTRY_REQUEST_SECONDS", "1")]);
    for size in ["Content-Length: 1000", "Content-Length: 100000", "Transfer-Encoding: chunked"] {
        let mut stream = connect(&server);
        let head = format!(
            "POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{size}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let begun = Instant::now();
        // One byte is a whole chunk, or a byte of the body.
        while begun.elapsed() < Duration::from_millis(800) {
            stream.write_all(b"1\r\n \r\n").unwrap();
            std::thread::sleep(Duration::from_millis(100));
        }
        let answer = rest(&mut stream);
        assert!(
            answer.starts_with("HTTP/1.1 504 ") && answer.contains("deadline_passed"),
            "{size}: {answer}"
        );
    }
    server.stop();
}

#[test]
fn a_head_beyond_the_bounds_is_431() {
    let server = serve_with(&[]);
    let large = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Large: {}\r\n\r\n", "x".repeat(100_000));
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: x\r\n".repeat(200));
    for head in [large, many] {
        let mut stream = connect(&server);
        // The server may have closed before all is sent.
        let _ = stream.write_all(head.as_bytes());
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 431");
    }
    server.stop();
}

#[test]
fn beyond_the_bound_health_is_answered_and_everything_else_told_to_come_back() {
    let server = serve_with(&[("TENANTRY_MAX_CONNECTIONS", "16")]);
    let held: Vec<TcpStream> = (0..16).map(|_| half_a_request(&server)).collect();
    let (status, answer) = raw_request(&server, LIVE);
    assert!(status == 200 && answer.contains("connection: close"), "{answer}");
    let (status, answer) = raw_request(&server, ME);
    assert!(
        status == 503 && answer.contains("\"overloaded\"") && answer.contains("retry-after: "),
        "{answer}"
    );
    // More than there are spare places for: the rest waits, and what holds them has less time.
    let more: Vec<TcpStream> = (0..100).map(|_| half_a_request(&server)).collect();
    let (status, answer) = raw_request(&server, LIVE_AND_CLOSE);
    assert_eq!(status, 200, "{answer}");
    drop((held, more));
    let status = || Some(raw_request(&server, b"GET /api/v1/me HTTP/1.1\r\nConnection: close\r\n\r\n").0);
    eventually("service as usual", || status().filter(|status| *status == 401));
    server.nobody().get("/readyz").expect(200);
    server.stop();
}

#[test]
fn idle_connections_make_way_when_all_places_are_taken() {
    let server = serve_with(&[("TENANTRY_MAX_CONNECTIONS", "16")]);
    let mut idle: Vec<TcpStream> = (0..16).map(|_| connect(&server)).collect();
    idle.iter_mut().for_each(ask);
    idle.iter().for_each(|stream| stream.set_nonblocking(true).unwrap());
    // Those that are left when an eighth is free again stay as long as ever.
    eventually("an eighth of the idle to make way", || {
        let closed = idle.iter().filter(|stream| stream.peek(&mut [0]).is_ok_and(|count| count == 0));
        (closed.count() >= 2).then_some(())
    });
    server.nobody().get("/api/v1/me").expect(401);
    server.stop();
}

#[test]
fn few_descriptors_are_shared_out_between_connections_and_files() {
    let installation = Installation::new();
    let plain = installation.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 256 && exec \"$0\" \"$@\""]).arg(plain.get_program());
    command.args(plain.get_args()).current_dir(plain.get_current_dir().unwrap());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let server = Server::spawn(&installation, command).unwrap();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let held: Vec<TcpStream> = (0..400).map(|_| half_a_request(&server)).collect();
    let (status, answer) = raw_request(&server, LIVE_AND_CLOSE);
    assert_eq!(status, 200, "{answer}");
    drop(held);
    for number in 0..12 {
        let tenant = ann.create_tenant(&format!("tenant-{number}"));
        ann.client.get(&tenant.path("/records/customers")).expect(200);
    }
    ann.client.get(&acme.path("/records/customers")).expect(200);
    server.stop();
    let log = installation.log();
    assert!(log.contains("most=112") && !log.contains("Too many open files"), "{log}");
}

/// A request of which the server has all but the last byte of the body.
fn nearly_a_sign_in(server: &Server) -> TcpStream {
    let mut stream = connect(server);
    let head = "POST /api/v1/auth/sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                Content-Length: 2\r\n\r\n{";
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

#[test]
fn a_shutdown_waits_for_running_requests_and_for_nobody_else() {
    let server = serve_with(&[]);
    let (mut idle, mut fresh) = (connect(&server), connect(&server));
    ask(&mut idle);
    let mut running = nearly_a_sign_in(&server);
    // Comes after the others, so they have all been accepted.
    ask(&mut connect(&server));
    server.ask_to_end();
    let begun = Instant::now();
    assert_eq!((rest(&mut idle), rest(&mut fresh)), (String::new(), String::new()));
    assert!(begun.elapsed() < Duration::from_secs(15), "idle connections held it up");
    assert!(TcpStream::connect(server.address()).is_err(), "it still accepts");
    running.write_all(b"}").unwrap();
    let answer = rest(&mut running);
    assert!(answer.starts_with("HTTP/1.1 422 "), "{answer}");
    server.stop();
}

#[test]
fn a_shutdown_gives_up_what_does_not_end_in_time() {
    let server = serve_with(&[("TENANTRY_SHUTDOWN_SECONDS", "1")]);
    let mut running = nearly_a_sign_in(&server);
    ask(&mut connect(&server));
    server.ask_to_end();
    assert_eq!(rest(&mut running), "");
    server.stop();
}
