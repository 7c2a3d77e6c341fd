//! People and tenants, as tests need them.

use serde_json::{Value, json};

use super::answer::Answer;
use super::client::Client;
use super::mail::{links_to, token_mailed_to};
use super::server::Server;

/// A tenant as its owner knows it.
#[derive(Clone, Debug)]
pub struct Tenant {
    pub id: String,
    pub slug: String,
}

impl Tenant {
    /// A path below the tenant, chosen by slug.
    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/tenants/{}{rest}", self.slug)
    }

    #[track_caller]
    pub fn from_json(tenant: &Value) -> Tenant {
        let text =
            |name: &str| tenant[name].as_str().unwrap_or_else(|| panic!("no {name}: {tenant}")).to_owned();
        Tenant { id: text("id"), slug: text("slug") }
    }
}

/// Somebody with an address, a password and a session.
#[derive(Clone)]
pub struct Person {
    pub id: String,
    pub email: String,
    pub password: String,
    pub access_token: String,
    pub refresh_token: String,
    /// Signed in.
    pub client: Client,
}

impl Person {
    #[track_caller]
    fn from_answer(nobody: &Client, email: &str, password: &str, answer: &Answer) -> Person {
        let access_token = answer.string("/access_token");
        let client = nobody.bearer(&access_token);
        let id = client.get("/api/v1/me").expect(200).string("/id");
        Person {
            id,
            email: email.to_owned(),
            password: password.to_owned(),
            refresh_token: answer.string("/refresh_token"),
            access_token,
            client,
        }
    }

    /// Another session of the same person.
    #[track_caller]
    pub fn sign_in_again(&self) -> Person {
        self.sign_in_with(self.client.nobody())
    }

    /// The same at another server of the same installation.
    #[track_caller]
    pub fn sign_in_again_at(&self, server: &Server) -> Person {
        self.sign_in_with(server.nobody())
    }

    #[track_caller]
    fn sign_in_with(&self, nobody: Client) -> Person {
        let body = json!({"email": self.email, "password": self.password});
        let answer = nobody.post("/api/v1/auth/sign-in", body).expect(200);
        Person::from_answer(&nobody, &self.email, &self.password, &answer)
    }

    /// Makes a tenant of one's own.
    #[track_caller]
    pub fn create_tenant(&self, slug: &str) -> Tenant {
        let answer = self.client.post("/api/v1/tenants", json!({"name": title(slug), "slug": slug}));
        Tenant::from_json(&answer.expect(201).json)
    }

    /// Offers a role by mail and returns the token of the letter.
    #[track_caller]
    pub fn invite(&self, server: &Server, tenant: &Tenant, email: &str, role: &str) -> String {
        let before = links_to(server.installation(), email).len();
        let body = json!({"email": email, "role": role});
        self.client.post(&tenant.path("/invitations"), body).expect(201);
        token_mailed_to(server.installation(), email, before + 1)
    }

    #[track_caller]
    pub fn accept(&self, token: &str) -> Answer {
        self.client.post("/api/v1/invitations/accept", json!({"token": token}))
    }

    /// The path of this person's membership.
    pub fn membership(&self, tenant: &Tenant) -> String {
        tenant.path(&format!("/members/{}", self.id))
    }
}

fn title(slug: &str) -> String {
    format!("Tenant {slug}")
}

impl Server {
    /// Somebody new, without a tenant.
    #[track_caller]
    pub fn sign_up(&self, name: &str) -> Person {
        self.sign_up_with(name, None).0
    }

    /// Somebody new with a tenant.
    #[track_caller]
    pub fn sign_up_with_tenant(&self, name: &str, slug: &str) -> (Person, Tenant) {
        let (person, answer) = self.sign_up_with(name, Some(slug));
        (person, Tenant::from_json(&answer.json["tenant"]))
    }

    #[track_caller]
    fn sign_up_with(&self, name: &str, slug: Option<&str>) -> (Person, Answer) {
        let email = format!("{name}@example.com");
        let password = format!("{name}-otter-juggles-nine-lanterns");
        let mut body = json!({"email": email, "password": password, "name": name});
        if let Some(slug) = slug {
            body["tenant"] = json!({"name": title(slug), "slug": slug});
        }
        let nobody = self.nobody();
        let answer = nobody.post("/api/v1/auth/sign-up", body).expect(201);
        (Person::from_answer(&nobody, &email, &password, &answer), answer)
    }

    /// Somebody new who joins a tenant by invitation.
    #[track_caller]
    pub fn join(&self, inviter: &Person, tenant: &Tenant, name: &str, role: &str) -> Person {
        let person = self.sign_up(name);
        let token = inviter.invite(self, tenant, &person.email, role);
        person.accept(&token).expect(200);
        person
    }

    /// An operator, made on the command line beside the running server, and signed in.
    #[track_caller]
    pub fn add_operator(&self) -> Person {
        let (email, password) = ("operator@example.com", "operator-otter-juggles-nine-lanterns");
        self.installation().plant_secret(password);
        let arguments = ["operator", "add", email, "--password-stdin"];
        self.installation().run_with_input(&arguments, &format!("{password}\n")).expect_code(0);
        let nobody = self.nobody();
        let answer =
            nobody.post("/api/v1/auth/sign-in", json!({"email": email, "password": password})).expect(200);
        Person::from_answer(&nobody, email, password, &answer)
    }
}
