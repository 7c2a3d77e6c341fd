//! A bucket as the store, of a service that is as small as can be.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::{add, back_up, counts, installation_with, listed, ran};
use crate::harness::DAY;

type Objects = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// The service: one bucket, `acme`, whose objects are kept in memory.
struct Bucket {
    address: String,
    objects: Objects,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Bucket {
    fn open() -> Bucket {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (objects, requests): (Objects, Arc<Mutex<Vec<String>>>) = Default::default();
        let (kept, noted) = (Arc::clone(&objects), Arc::clone(&requests));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, noted) = (Arc::clone(&kept), Arc::clone(&noted));
                std::thread::spawn(move || serve(stream, &kept, &noted));
            }
        });
        Bucket { address, objects, requests }
    }

    fn names(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }
}

fn serve(stream: TcpStream, objects: &Objects, requests: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut stream = stream;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let (method, target) = line.split_once(' ').map(|(method, rest)| {
            (method.to_owned(), rest.split(' ').next().unwrap_or_default().to_owned())
        })?;
        let mut headers = BTreeMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        requests.lock().unwrap().push(format!("{method} {target}"));
        let (status, more, body) = if headers
            .get("authorization")
            .is_some_and(|by| by.starts_with("AWS4-HMAC-SHA256 Credential=key-id-1234/"))
        {
            answer(&method, &target, headers.get("range").map(String::as_str), body, objects)
        } else {
            (403, String::new(), Vec::new())
        };
        let length =
            if method == "HEAD" { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let head = format!("HTTP/1.1 {status} X\r\n{length}{more}\r\n");
        stream.write_all(head.as_bytes()).ok()?;
        if method != "HEAD" {
            stream.write_all(&body).ok()?;
        }
    }
}

fn answer(
    method: &str,
    target: &str,
    range: Option<&str>,
    body: Vec<u8>,
    objects: &Objects,
) -> (u16, String, Vec<u8>) {
    let mut objects = objects.lock().unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let name = path.strip_prefix("/acme").unwrap_or_default().trim_start_matches('/').to_owned();
    let of = |bytes: &[u8]| {
        format!(
            "ETag: \"{}\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nAccept-Ranges: bytes\r\nContent-Type: x/y\r\n",
            bytes.len()
        )
    };
    match method {
        "GET" if query.contains("list-type=2") => {
            let prefix = query.split('&').find_map(|pair| pair.strip_prefix("prefix=")).unwrap_or_default();
            let prefix = prefix.replace("%2F", "/");
            let items = objects.iter().filter(|(name, _)| name.starts_with(&prefix)).fold(String::new(), |all, (name, bytes)| {
                format!("{all}<Contents><Key>{name}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>\"x\"</ETag><Size>{}</Size></Contents>", bytes.len())
            });
            (
                200,
                String::new(),
                format!("<?xml version=\"1.0\"?><ListBucketResult>{items}</ListBucketResult>").into_bytes(),
            )
        }
        "GET" | "HEAD" => match objects.get(&name) {
            None => (404, String::new(), Vec::new()),
            Some(bytes) if method == "HEAD" => {
                (200, format!("{}Content-Length: {}\r\n", of(bytes), bytes.len()), Vec::new())
            }
            Some(bytes) => match range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-')) {
                None => (200, of(bytes), bytes.clone()),
                Some((from, to)) => {
                    let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
                    let to = to.min(bytes.len() - 1);
                    let more = format!("{}Content-Range: bytes {from}-{to}/{}\r\n", of(bytes), bytes.len());
                    (206, more, bytes[from..=to].to_vec())
                }
            },
        },
        "PUT" => {
            objects.insert(name, body);
            (200, "ETag: \"x\"\r\n".to_owned(), Vec::new())
        }
        "DELETE" => {
            objects.remove(&name);
            (204, String::new(), Vec::new())
        }
        _ => (400, String::new(), Vec::new()),
    }
}

#[test]
fn a_bucket_is_written_pruned_and_read_with_signed_requests_and_its_key_is_told_to_nobody() {
    let bucket = Bucket::open();
    let installation = installation_with(&format!(
        "backup_bucket = \"acme\"\nbackup_endpoint = \"http://{}\"\nbackup_prefix = \"nightly\"\nbackup_daily = 0\n\
         backup_weekly = 0\nbackup_access_key_id = \"key-id-1234\"\nbackup_secret_access_key = \"very-secret-key-1234\"\n",
        bucket.address
    ));
    installation.plant_secret("very-secret-key-1234");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let run = back_up(&installation);
    assert_eq!((counts(&run), &run["store"]), ([1, 1, 0, 0], &json!("bucket acme")));
    let names = bucket.names();
    assert!(names.iter().all(|name| name.starts_with("nightly/")), "{names:?}");
    for ending in ["/data.db.gz", "/manifest.json", "/catalog.db.gz"] {
        assert!(names.iter().any(|name| name.ends_with(ending)), "{names:?}");
    }
    add(&ann, &acme, "more");
    back_up(&installation);
    installation.advance_clock(2 * DAY);
    assert_eq!(back_up(&installation)["pruned"], 2);
    assert_eq!(listed(&installation, &acme).len(), 1);
    let of_acme = bucket.names().into_iter().filter(|name| name.contains(&acme.id)).count();
    assert_eq!(of_acme, 2, "{:?}", bucket.names());
    assert!(bucket.requests.lock().unwrap().iter().all(|request| request.contains(" /acme")));
    let shown = installation.run(&["config", "show", "--json"]).expect_code(0);
    assert!(shown.stdout.contains("backup_bucket") && !shown.stdout.contains("very-secret-key-1234"));
    server.stop();
}

#[test]
fn a_store_that_refuses_fails_the_round_and_everything_stays_due() {
    let bucket = Bucket::open();
    let settings = |key: &str| {
        format!(
            "backup_bucket = \"acme\"\nbackup_endpoint = \"http://{}\"\nbackup_access_key_id = \"{key}\"\n\
             backup_secret_access_key = \"very-secret-key-1234\"\n",
            bucket.address
        )
    };
    let installation = installation_with(&settings("wrong-id"));
    let server = installation.serve();
    server.sign_up_with_tenant("ann", "acme");
    let run = ran(&installation, &["backup", "run"], 1);
    assert_eq!(run["status"], "failed");
    assert!(run["error"].as_str().unwrap().contains("store of backups"), "{run}");
    server.stop();
    std::fs::write(
        installation.data().join("tenantry.toml"),
        format!("backup_hours = 0\n{}", settings("key-id-1234")),
    )
    .unwrap();
    assert_eq!(counts(&back_up(&installation)), [1, 1, 0, 0]);
}
