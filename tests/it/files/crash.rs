//! What was acknowledged is whole after a kill, and what was not leaves nothing.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::{contents, expect_contents, get, noise, put, sha256, upload};
use crate::harness::{Call, Installation, eventually};

const KILLS: u32 = 8;

#[test]
fn kills_during_uploads_lose_no_acknowledged_file_and_leave_no_content_without_a_name() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    server.stop();
    // Per name what was acknowledged last, and what may have taken its place since.
    let acknowledged = Mutex::new(BTreeMap::<String, (String, Option<String>)>::new());
    for kill in 0..KILLS {
        let server = installation.serve();
        let client = server.nobody().bearer(&ann.access_token);
        let count = || acknowledged.lock().unwrap().len();
        let before = count();
        std::thread::scope(|scope| {
            for writer in 0..4_u32 {
                let (client, acme, acknowledged) = (client.clone(), &acme, &acknowledged);
                scope.spawn(move || {
                    for number in 0_u32.. {
                        // Every third time a name that there is already.
                        let name =
                            format!("{writer}/{}", if number % 3 == 2 { 0 } else { kill * 1_000 + number });
                        let bytes = noise(1_000 + 37_000 * (number as usize % 9), number * 10 + writer);
                        let digest = sha256(&bytes);
                        acknowledged.lock().unwrap().entry(name.clone()).or_default().1 =
                            Some(digest.clone());
                        match client.try_send(&upload(acme, &name, bytes)) {
                            Ok(answer) => {
                                answer.expect_one_of(&[200, 201]);
                                acknowledged.lock().unwrap().insert(name, (digest, None));
                            }
                            Err(_) => return,
                        }
                    }
                });
            }
            let enough = before + 6 + 5 * kill as usize;
            eventually("some uploads", || (count() >= enough).then_some(()));
            server.kill();
        });
    }
    let server = installation.serve();
    let client = server.nobody().bearer(&ann.access_token);
    let (mut wrong, mut named) = (Vec::new(), 0);
    for (name, (digest, begun)) in acknowledged.into_inner().unwrap() {
        let answer = get(&client, &acme, &name);
        let found = (answer.status == 200).then(|| sha256(&answer.bytes));
        named += usize::from(found.is_some());
        // What was never acknowledged may be there or not, but whole.
        let is_right = match &found {
            Some(found) => *found == digest || Some(found) == begun.as_ref(),
            None => digest.is_empty(),
        };
        if !is_right {
            wrong.push(format!("{name}: {} {found:?}, not {digest} or {begun:?}", answer.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(named > 20, "only {named}");
    put(&client, &acme, "after-the-sweep", "x");
    expect_contents(&installation, &acme, named + 1);
    server.stop();
}

#[test]
fn a_sweep_takes_what_has_no_name_and_leaves_what_has() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    put(&ann.client, &acme, "a", "kept");
    let server = server.restart();
    let client = server.nobody().bearer(&ann.access_token);
    let kept = contents(&installation, &acme).remove(0);
    let left = kept.with_file_name("018f4d3c-7c1a-7000-8000-000000000000");
    std::fs::write(&left, "left over").unwrap();
    assert_eq!(get(&client, &acme, "a").expect(200).text(), "kept");
    put(&client, &acme, "b", "x");
    assert!(kept.exists() && !left.exists());
    server.stop();
}

#[test]
fn a_file_whose_content_is_gone_is_503_and_no_other_notices() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    put(&ann.client, &acme, "a", "x");
    std::fs::remove_file(contents(&installation, &acme).remove(0)).unwrap();
    put(&ann.client, &acme, "b", "y");
    get(&ann.client, &acme, "a").expect_code(503, "file_unavailable");
    get(&ann.client, &acme, "b").expect(200);
    put(&ann.client, &acme, "a", "again").expect(200);
    assert_eq!(get(&ann.client, &acme, "a").expect(200).text(), "again");
    ann.client.send(&Call::delete(acme.path("/files/a"))).expect(204);
    server.stop();
}
