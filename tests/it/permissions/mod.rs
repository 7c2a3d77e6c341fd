//! What `[tables.*]` of app.toml gives and withholds: who asks for what, and what must not come back.

mod columns;
mod queries;
mod rows;
mod tables;

use serde_json::{Value, json};

use crate::harness::{Call, Case, Installation, Person, Server, Tenant};

/// A tenant of the app `agency` with one person of each role and records of theirs.
struct House {
    server: Server,
    acme: Tenant,
    owner: Person,
    admin: Person,
    mia: Person,
    max: Person,
    viewer: Person,
    bookkeeper: Person,
    people: Person,
}

fn house() -> House {
    let server = Installation::with_app_of_tests("agency").serve();
    let (owner, acme) = server.sign_up_with_tenant("olga", "acme");
    let join = |name: &str, role: &str| server.join(&owner, &acme, name, role);
    let (admin, mia, max) = (join("adam", "admin"), join("mia", "member"), join("max", "member"));
    let (viewer, bookkeeper, people) =
        (join("vera", "viewer"), join("bob", "bookkeeper"), join("pia", "people"));
    let house = House { acme, owner, admin, mia, max, viewer, bookkeeper, people, server };
    house.create(&house.owner, "clients", json!({"id": "c1", "name": "Client One"}));
    house.create(&house.owner, "clients", json!({"id": "c2", "name": "Client Two"}));
    let salary = json!({"id": "s1", "person": "Planted Person", "cents": 4711, "client_id": "c2"});
    house.create(&house.owner, "salaries", salary);
    for (person, id) in [(&house.owner, "olgas"), (&house.mia, "mias"), (&house.max, "maxs")] {
        house.create(person, "jobs", json!({"id": id, "title": id, "client_id": "c1"}));
        house.create(person, "notes", json!({"id": id, "body": id}));
    }
    house
}

impl House {
    fn path(&self, rest: &str) -> String {
        self.acme.path(&format!("/records/{rest}"))
    }

    #[track_caller]
    fn create(&self, person: &Person, table: &str, body: Value) -> Value {
        person.client.post(&self.path(table), body).expect(201).json
    }

    fn get(&self, name: &str, rest: &str, status: u16) -> Case {
        Case::new(format!("{name}: GET {rest}"), Call::get(self.path(rest)), status)
    }

    fn post(&self, name: &str, table: &str, body: Value, status: u16) -> Case {
        Case::new(format!("{name}: POST {table} {body}"), Call::post(self.path(table), body), status)
    }

    fn patch(&self, name: &str, rest: &str, body: Value, status: u16) -> Case {
        Case::new(format!("{name}: PATCH {rest} {body}"), Call::patch(self.path(rest), body), status)
    }

    fn delete(&self, name: &str, rest: &str, status: u16) -> Case {
        Case::new(format!("{name}: DELETE {rest}"), Call::delete(self.path(rest)), status)
    }
}
