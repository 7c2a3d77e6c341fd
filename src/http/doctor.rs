//! Whether two tenants can read each other: tried with two that are made for it, at the router that serves everybody.

use super::routes::{Access, RouteInfo};
use super::server::{router, routes};
use crate::error::Result;
use crate::service::Installation;
use crate::service::doctor::{self, Canary, Diagnosis, Findings, Level};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt as _;

/// What was looked at, as findings call it.
const CHECK: &str = "isolation";
/// How long one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of an answer is looked through.
const MOST: usize = 1 << 20;

/// Looks at everything, the doors between tenants included.
///
/// # Errors
/// 503 `doctor_busy` while somebody else looks; as catalog and disk say.
pub async fn examine(installation: &Arc<Installation>) -> Result<Diagnosis> {
    let mut findings = Findings::default();
    let doors = Doors {
        router: router(installation),
        directory: installation.tenancy().layout().clone(),
        tried: 0,
        untried: 0,
        open: Vec::new(),
    };
    match doctor::with_canaries(installation, move |canaries| doors.try_all(canaries)).await {
        Ok(Ok(doors)) => doors.tell(&mut findings),
        Ok(Err(why)) => findings.add(
            CHECK,
            if installation.app().second_factor_required { Level::Note } else { Level::Warning },
            format!("The doors between tenants were not tried: {why}."),
            "Where a plan or the app keeps new tenants from being used, this cannot be tried; the tests of the program do.",
        ),
        Err(error) if error.code() == "doctor_busy" => return Err(error),
        Err(error) => findings.add(
            CHECK,
            if error.code() == "backup_running" { Level::Note } else { Level::Warning },
            format!("The doors between tenants were not tried: {}", error.detail()),
            "Try again when that is over.",
        ),
    }
    doctor::diagnose(installation, findings).await
}

/// One attempt.
struct Knock<'k> {
    method: &'k str,
    path: String,
    /// What is shown: an access token or a key; nothing where it is empty.
    credential: &'k str,
    /// Tenants named in headers.
    headers: Vec<&'k str>,
    body: Option<Value>,
}

impl<'k> Knock<'k> {
    fn get(path: String, credential: &'k str) -> Knock<'k> {
        Knock { method: "GET", path, credential, headers: Vec::new(), body: None }
    }
}

struct Doors {
    router: Router,
    directory: crate::tenancy::Layout,
    tried: usize,
    /// Where a limit or a fault answered instead.
    untried: usize,
    open: Vec<String>,
}

impl Doors {
    /// Each of the two tries the other's; before that its own, which has to be open.
    async fn try_all(mut self, canaries: [Canary; 2]) -> Result<Doors, String> {
        let [one, other] = &canaries;
        for own in &canaries {
            self.open_own(own).await?;
        }
        for (thief, victim) in [(one, other), (other, one)] {
            self.try_routes(thief, victim).await;
            self.try_names(thief, victim).await;
            self.try_ids(thief, victim).await;
        }
        Ok(self)
    }

    fn tell(self, findings: &mut Findings) {
        let Doors { tried, untried, open, .. } = self;
        if !open.is_empty() {
            let first: Vec<&str> = open.iter().take(10).map(String::as_str).collect();
            findings.add(
                CHECK,
                Level::Fault,
                format!(
                    "One tenant could reach another through {} of {tried} doors: {}.",
                    open.len(),
                    first.join("; ")
                ),
                "Stop serving now, keep the data directory and the log as they are, and report this as a security fault.",
            );
        } else if untried > 0 {
            findings.add(
                CHECK,
                Level::Note,
                format!("Two tenants could not reach each other through {tried} doors; {untried} more were not tried, as limits refused that."),
                "Look again when less is asked of the server.",
            );
        } else {
            findings.good(
                CHECK,
                format!(
                    "Two tenants, made for it and removed, could not reach each other through {tried} doors."
                ),
            );
        }
    }

    /// What a tenant does with its own, so that a refusal elsewhere means something.
    async fn open_own(&self, own: &Canary) -> Result<(), String> {
        for number in 1..=2 {
            let put = Knock {
                method: "PUT",
                path: tenant(&own.slug, &format!("/files/{}", file(own, number))),
                credential: &own.token,
                headers: Vec::new(),
                body: Some(json!(own.mark)),
            };
            self.expect_own(own, put, false).await?;
        }
        for credential in [&own.token, &own.key] {
            self.expect_own(own, Knock::get(tenant(&own.slug, ""), credential), true).await?;
            let path = tenant(&own.slug, &format!("/files/{}", file(own, 1)));
            self.expect_own(own, Knock::get(path, credential), true).await?;
        }
        let path = tenant(&own.slug, &format!("/exports/{}", own.export));
        self.expect_own(own, Knock::get(path, &own.token), false).await
    }

    async fn expect_own(&self, own: &Canary, knock: Knock<'_>, marked: bool) -> Result<(), String> {
        let what = format!("{} {}", knock.method, knock.path.replace(&own.slug, "{tenant}"));
        let (status, body) = self.ask(knock).await.ok_or_else(|| format!("{what} was not answered"))?;
        if status.is_success() && (!marked || holds(&body, &own.mark)) {
            return Ok(());
        }
        Err(format!("{what} of a tenant's own was answered with {status}"))
    }

    /// Every route of a tenant, by path and by header, by slug and by id, with a token, a key and nothing.
    async fn try_routes(&mut self, thief: &Canary, victim: &Canary) {
        let id = victim.id.to_string();
        let all = routes();
        // Some paths without a tenant are another route's, which is everybody's.
        let is_another = |path: &str| {
            all.iter().any(|route| !matches!(route.access, Access::Tenant(..)) && route.path == path)
        };
        for route in all.iter().filter(|route| matches!(route.access, Access::Tenant(..))) {
            for name in [victim.slug.as_str(), id.as_str()] {
                for credential in [thief.token.as_str(), thief.key.as_str(), ""] {
                    let path = Doors::fill(route, name, victim);
                    let by_header = path.replacen(&format!("/tenants/{name}"), "", 1);
                    let body = (!matches!(route.method, "GET" | "DELETE")).then(|| json!({}));
                    let knock = |path, headers| Knock {
                        method: route.method,
                        path,
                        credential,
                        headers,
                        body: body.clone(),
                    };
                    self.knock(victim, knock(path, Vec::new())).await;
                    if route.method == "GET" && by_header != "/api/v1" && !is_another(&by_header) {
                        self.knock(victim, knock(by_header, vec![name])).await;
                    }
                }
            }
        }
    }

    /// The path of a route with the names of what the victim has.
    fn fill(route: &RouteInfo, name: &str, victim: &Canary) -> String {
        let filled = route.path.split('/').map(|part| match part {
            "{tenant}" => name.to_owned(),
            // The tenant is asked for before the table.
            "{table}" => "x".to_owned(),
            "{identity}" => victim.owner.to_string(),
            "{export}" => victim.export.to_string(),
            "{key}" => victim.key_id.to_string(),
            "{*path}" => file(victim, 1),
            part if part.starts_with('{') => victim.id.to_string(),
            part => part.to_owned(),
        });
        filled.collect::<Vec<_>>().join("/")
    }

    /// Two names for a tenant in one request: the thief's own opens nothing of the other.
    async fn try_names(&mut self, thief: &Canary, victim: &Canary) {
        let (own, other) = (thief.slug.as_str(), victim.slug.as_str());
        for (path, headers) in [
            (tenant(own, "/files"), vec![other]),
            (tenant(other, "/files"), vec![own]),
            ("/api/v1/files".to_owned(), vec![own, other]),
            ("/api/v1/files".to_owned(), vec![other, own]),
            ("/api/v1/files".to_owned(), vec![other, other]),
        ] {
            for credential in [&thief.token, &thief.key] {
                let knock = Knock { headers: headers.clone(), ..Knock::get(path.clone(), credential) };
                self.knock(victim, knock).await;
            }
        }
        for odd in [
            tenant(&format!("{own}%2F..%2F{other}"), "/files"),
            tenant(&format!("{own}/../{other}"), "/files"),
            tenant(&format!("%00{other}"), "/files"),
            tenant(&other.to_uppercase(), "/files"),
            tenant(&format!("{other}."), "/files"),
        ] {
            self.knock(victim, Knock::get(odd, &thief.token)).await;
        }
    }

    /// What is the victim's, asked for in the thief's own place: by id, by cursor, by path, by SQL.
    async fn try_ids(&mut self, thief: &Canary, victim: &Canary) {
        let (name, id) = (file(victim, 1), victim.id);
        let mut rests = vec![
            ("GET", format!("/exports/{}", victim.export), None),
            ("GET", format!("/exports/{}/download", victim.export), None),
            ("PATCH", format!("/members/{}", victim.owner), Some(json!({ "role": "admin" }))),
            ("DELETE", format!("/members/{}", victim.owner), None),
            ("DELETE", format!("/api-keys/{}", victim.key_id), None),
            ("GET", format!("/files/{name}"), None),
            ("GET", format!("/files/../../{id}/files/{name}"), None),
            ("GET", format!("/files/..%2F..%2F{id}%2Ffiles%2F{name}"), None),
            ("GET", format!("/files/%2e%2e/%2e%2e/{}/files/{name}", victim.slug), None),
        ];
        let path = self.directory.tenant_file(id).display().to_string().replace('\'', "''");
        for sql in [format!("ATTACH '{path}' AS other"), format!("SELECT readfile('{path}')")] {
            rests.push(("POST", "/sql".to_owned(), Some(json!({ "sql": sql }))));
        }
        if let Some(cursor) = self.cursor_of(victim).await {
            rests.push(("GET", format!("/files?limit=1&cursor={cursor}"), None));
        }
        for credential in [&thief.token, &thief.key] {
            for (method, rest, body) in &rests {
                let path = tenant(&thief.slug, rest);
                let knock = Knock { method, path, credential, headers: Vec::new(), body: body.clone() };
                self.knock(victim, knock).await;
            }
        }
    }

    /// Where the first page of the victim's files ends.
    async fn cursor_of(&self, victim: &Canary) -> Option<String> {
        let (_, body) = self.ask(Knock::get(tenant(&victim.slug, "/files?limit=1"), &victim.token)).await?;
        let page: Value = serde_json::from_slice(&body).ok()?;
        page["next_cursor"].as_str().map(str::to_owned)
    }

    /// Knocks where nobody may open.
    async fn knock(&mut self, victim: &Canary, knock: Knock<'_>) {
        let by = match knock.credential {
            "" => "nobody",
            credential if credential.starts_with("tnt_") => "a key",
            _ => "a token",
        };
        let mut what = format!("{} {} by {by}", knock.method, knock.path);
        if !knock.headers.is_empty() {
            what = format!("{what} with X-Tenant-Id: {}", knock.headers.join(", "));
        }
        match self.ask(knock).await {
            // A limit or a fault says nothing of whether it was locked.
            None => self.untried += 1,
            Some((status, _)) if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
                self.untried += 1;
            }
            Some((status, body)) => {
                self.tried += 1;
                if status.is_success() || status.is_redirection() || holds(&body, &victim.mark) {
                    self.open.push(format!("{what} ({status})"));
                }
            }
        }
    }

    /// Asks the router. Of what streams without end no body is read.
    async fn ask(&self, knock: Knock<'_>) -> Option<(StatusCode, Vec<u8>)> {
        let mut request = Request::builder().method(knock.method).uri(&knock.path);
        if !knock.credential.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", knock.credential));
        }
        for name in &knock.headers {
            request = request.header("x-tenant-id", *name);
        }
        let body = match &knock.body {
            None => Body::empty(),
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
        };
        // What is no path to HTTP opens nothing.
        let Ok(request) = request.body(body) else { return Some((StatusCode::BAD_REQUEST, Vec::new())) };
        let answer = async {
            let response = self.router.clone().oneshot(request).await.ok()?;
            let status = response.status();
            let streams =
                response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
            let body = if streams {
                Vec::new()
            } else {
                axum::body::to_bytes(response.into_body(), MOST).await.ok()?.to_vec()
            };
            Some((status, body))
        };
        tokio::time::timeout(PATIENCE, answer).await.ok().flatten()
    }
}

fn tenant(name: &str, rest: &str) -> String {
    format!("/api/v1/tenants/{name}{rest}")
}

fn file(of: &Canary, number: u32) -> String {
    format!("canary-{}-{number}.json", of.mark)
}

fn holds(body: &[u8], mark: &str) -> bool {
    body.windows(mark.len()).any(|part| part == mark.as_bytes())
}
