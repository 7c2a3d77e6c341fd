//! What members of each role are told, in the app `agency`.

use serde_json::Value;

use super::{assert_served, assert_sound, methods, properties};
use crate::harness::{Installation, Person};

#[test]
fn every_role_is_told_of_what_it_may_do_and_no_more() {
    let server = Installation::with_app_of_tests("agency").serve();
    let (owner, acme) = server.sign_up_with_tenant("olga", "acme");
    let document = |person: &Person| {
        let answer = person.client.get(&acme.path("/openapi.json")).expect(200);
        assert_sound(&answer.json);
        assert_served(&answer.json, "/api/v1/tenants/{tenant}");
        // Hidden columns are nobody's.
        for hidden in ["margin", "account_code", "sponsor_code"] {
            assert!(!answer.text().contains(hidden), "{hidden} is told");
        }
        (answer.header("etag").unwrap().to_owned(), answer.json)
    };
    let of = |name: &str, role: &str| document(&server.join(&owner, &acme, name, role));
    let (_, owners) = document(&owner);
    let (members_tag, members) = of("mia", "member");
    let (viewers_tag, viewers) = of("vera", "viewer");
    let (_, bookkeepers) = of("bob", "bookkeeper");
    let (_, people) = of("pia", "people");

    let is_told_of_salaries = |document: &Value| document.to_string().to_lowercase().contains("salar");
    assert!(is_told_of_salaries(&owners) && is_told_of_salaries(&bookkeepers));
    assert!(!is_told_of_salaries(&members) && !is_told_of_salaries(&viewers));
    assert_ne!(members_tag, viewers_tag);

    assert_eq!(methods(&owners, "/records/rates"), ["get"]);
    assert_eq!(methods(&members, "/records/jobs"), ["get", "post"]);
    assert_eq!(methods(&members, "/records/job_list"), ["get"]);
    assert_eq!(methods(&viewers, "/records/jobs"), ["get"]);
    assert_eq!(methods(&viewers, "/records/notes/{id}"), ["get", "put", "patch", "delete"]);
    assert_eq!(methods(&people, "/records/jobs"), ["get", "post"]);
    assert_eq!(methods(&people, "/records/clients"), ["get"]);
    assert_eq!(methods(&bookkeepers, "/records/clients"), ["get"]);
    assert_eq!(methods(&bookkeepers, "/records/salaries"), ["get", "post"]);
    assert_eq!(methods(&bookkeepers, "/records/jobs"), Vec::<&str>::new());

    assert_eq!(methods(&owners, "/sql"), ["post"]);
    assert_eq!(methods(&members, "/sql"), Vec::<&str>::new());
    assert_eq!(methods(&viewers, "/files/{path}"), ["get"]);
    assert_eq!(methods(&members, "/files/{path}"), ["get", "put", "delete"]);
    assert_eq!(methods(&bookkeepers, "/files"), Vec::<&str>::new());
    assert_eq!(methods(&viewers, "/batch"), ["post"]);
    assert_eq!(viewers["components"]["schemas"]["BatchOperation"]["anyOf"].as_array().unwrap().len(), 1);

    assert_eq!(properties(&members, "Note"), ["id", "body", "author", "expand"]);
    assert_eq!(properties(&members, "NoteCreate"), ["id", "body"]);
    assert_eq!(members["components"]["schemas"]["Job"]["properties"]["number"]["readOnly"], true);
    assert!(!properties(&members, "JobCreate").contains(&"number".to_owned()));
    server.stop();
}
