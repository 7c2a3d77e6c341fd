//! The doors between two tenants: every route, every way to name a tenant, every id of the other.

use super::knocks::{Knock, holds};
use crate::http::routes::{Access, RouteInfo};
use crate::http::server::{router, routes};
use crate::service::Installation;
use crate::service::doctor::Canary;
use axum::Router;
use serde_json::{Value, json};
use std::sync::Arc;

/// What was tried, and what was open.
pub(super) struct Doors {
    pub(super) router: Router,
    pub(super) directory: crate::tenancy::Layout,
    pub(super) tried: usize,
    /// Where a limit or a fault answered instead.
    pub(super) untried: usize,
    pub(super) open: Vec<String>,
}

impl Doors {
    pub(super) fn of(installation: &Arc<Installation>) -> Doors {
        Doors {
            router: router(installation),
            directory: installation.tenancy().layout().clone(),
            tried: 0,
            untried: 0,
            open: Vec::new(),
        }
    }

    /// Each of the two tries the other's; before that its own, which has to be open.
    pub(super) async fn try_all(mut self, canaries: [Canary; 2]) -> Result<Doors, String> {
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
}

fn tenant(name: &str, rest: &str) -> String {
    format!("/api/v1/tenants/{name}{rest}")
}

fn file(of: &Canary, number: u32) -> String {
    format!("canary-{}-{number}.json", of.mark)
}
