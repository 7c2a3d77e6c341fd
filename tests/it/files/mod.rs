//! Uploads: what was taken in comes back as it was, and nothing else does.

mod crash;
mod leaving;
mod listing;
mod names;
mod serving;
mod uploading;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::harness::{Answer, Call, Client, Installation, PATIENCE, Person, Server, Tenant, eventually};

/// A server with these lines in its settings file.
fn serve_with(settings: &str) -> Server {
    let installation = Installation::new();
    std::fs::create_dir_all(installation.data()).unwrap();
    std::fs::write(installation.data().join("tenantry.toml"), settings).unwrap();
    installation.serve()
}

fn upload(tenant: &Tenant, path: &str, bytes: impl Into<Vec<u8>>) -> Call {
    Call::new("PUT", tenant.path(&format!("/files/{path}"))).bytes("application/octet-stream", bytes)
}

#[track_caller]
fn put(client: &Client, tenant: &Tenant, path: &str, bytes: impl Into<Vec<u8>>) -> Answer {
    client.send(&upload(tenant, path, bytes)).expect_one_of(&[200, 201])
}

#[track_caller]
fn get(client: &Client, tenant: &Tenant, path: &str) -> Answer {
    client.get(&tenant.path(&format!("/files/{path}")))
}

/// Bytes that do not repeat soon.
fn noise(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_769) | 1;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// What the tenant has on the disk beside its database.
fn contents(installation: &Installation, tenant: &Tenant) -> Vec<PathBuf> {
    let entries =
        |path: PathBuf| std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    entries(installation.tenant_directory(&tenant.id).join("files")).flat_map(entries).collect()
}

/// Content is removed behind the answer of who gave up.
#[track_caller]
fn expect_contents(installation: &Arc<Installation>, tenant: &Tenant, count: usize) {
    eventually("the contents on the disk", || (contents(installation, tenant).len() == count).then_some(()));
}

/// An upload by hand: the head is sent, the body is the test's.
struct ByHand(TcpStream);

impl ByHand {
    fn begin(server: &Server, person: &Person, tenant: &Tenant, path: &str, length: &str) -> ByHand {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "PUT {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n{length}\r\n\r\n",
            tenant.path(&format!("/files/{path}")),
            person.access_token
        );
        stream.write_all(head.as_bytes()).unwrap();
        ByHand(stream)
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// False where the server no longer takes it.
    fn try_send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).is_ok()
    }

    fn answer(mut self) -> String {
        let mut answer = Vec::new();
        self.0.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A download of which the beginning is read, and the rest is not asked for yet.
    fn begin_download(server: &Server, person: &Person, tenant: &Tenant, path: &str) -> ByHand {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "GET {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n",
            tenant.path(&format!("/files/{path}")),
            person.access_token
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut beginning = [0; 4_096];
        stream.read_exact(&mut beginning).unwrap();
        assert!(beginning.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&beginning));
        ByHand(stream)
    }

    /// How many bytes still come until the server is done or breaks off.
    fn rest(mut self) -> usize {
        let (mut buffer, mut count) = (vec![0; 1 << 16], 0);
        while let Ok(read @ 1..) = self.0.read(&mut buffer) {
            count += read;
        }
        count
    }
}
