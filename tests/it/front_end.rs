//! What is at `/`: our pages, or the app's own front end.

use std::path::{Path, PathBuf};

use crate::harness::{Call, Installation, Server};

#[test]
fn without_a_front_end_of_the_app_our_pages_are_at_the_root() {
    let server = Installation::new().serve();
    let nobody = server.nobody();
    assert!(nobody.get("/").expect(200).text().contains("Tenantry"));
    assert!(nobody.get("/setup").expect(200).text().contains("form"));
    nobody.get("/assets/app.css").expect(200);
    assert_eq!(nobody.get("/operator").expect(307).header("location"), Some("/console/operator"));
    assert!(nobody.get("/console/operator/").expect(200).text().contains("Tenantry"));
    for path in ["/assets/../Cargo.toml", "/assets/%2e%2e/Cargo.toml", "/assets/none.js", "/none"] {
        nobody.get(path).expect_code(404, "not_found");
    }
    server.stop();
}

#[test]
fn files_of_pages_are_kept_for_good_under_the_digest_of_all_and_sent_compressed() {
    let server = Installation::new().serve();
    let nobody = server.nobody();
    let page = nobody.get("/console/t/acme/records/customers").expect(200);
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    let html = page.text();
    let script = html.split('"').find(|text| text.ends_with("/console/app.js")).unwrap().to_owned();
    assert!(script.starts_with("/assets/v-"), "{script}");
    assert!(!html.contains("\"/assets/console/"), "a page names a file without its version: {html}");

    let plain = nobody.get(&script).expect(200);
    assert_eq!(plain.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(plain.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(plain.header("content-encoding"), None);
    assert_eq!(plain.header("vary"), Some("accept-encoding"));
    let packed = nobody.send(&Call::get(&script).header("accept-encoding", "br, gzip")).expect(200);
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let length = |answer: &crate::harness::Answer| answer.header("content-length").unwrap().parse().unwrap();
    let (whole, short): (usize, usize) = (length(&plain), length(&packed));
    assert!(short < whole, "{short} of {whole}");

    // Of another release, or of none: the file of today, for today.
    for path in ["/assets/v-0000000000000000/console/app.js", "/assets/console/app.js"] {
        let other = nobody.get(path).expect(200);
        assert_eq!(other.header("cache-control"), Some("no-cache"), "{path}");
        assert_eq!(other.text(), plain.text());
    }
    for path in ["/assets/v-0000000000000000/none.js", "/assets/v-x/../../Cargo.toml", "/assets/v-x/"] {
        nobody.get(path).expect_code(404, "not_found");
    }
    server.stop();
}

#[test]
fn the_front_end_of_the_app_is_at_the_root_and_the_api_beside_it() {
    let installation =
        Installation::with_migrations(&[("0001_t.sql", "CREATE TABLE t (id INTEGER PRIMARY KEY);")]);
    let public = installation.migrations().with_file_name("public");
    std::fs::create_dir_all(public.join("shop")).unwrap();
    std::fs::write(public.join("index.html"), "<h1>Our shop</h1>").unwrap();
    std::fs::write(public.join("shop/cart.js"), "let cart = [];").unwrap();
    let server = installation.serve();
    let nobody = server.nobody();
    assert!(nobody.get("/").expect(200).text().contains("Our shop"));
    assert!(nobody.get("/shop/cart.js").expect(200).text().contains("cart"));
    assert!(nobody.get("/console").expect(200).text().contains("Tenantry"));
    nobody.get("/readyz").expect(200);
    for path in
        ["/none.html", "/../app.toml", "/%2e%2e/app.toml", "/..%2fapp.toml", "/api/v1/none", "/api/none"]
    {
        nobody.get(path).expect_code(404, "not_found");
    }
    server.stop();
}

#[test]
fn what_is_hidden_or_elsewhere_is_not_served() {
    use std::os::unix::fs::symlink;
    let installation =
        Installation::with_migrations(&[("0001_t.sql", "CREATE TABLE t (id INTEGER PRIMARY KEY);")]);
    let app = installation.migrations().with_file_name("");
    // The directory itself may be a link.
    let public = app.join("release");
    for directory in [".git", ".well-known", "shop/.cache"] {
        std::fs::create_dir_all(public.join(directory)).unwrap();
    }
    for name in [
        ".env",
        ".git/config",
        ".well-known/security.txt",
        ".well-known/.env",
        "shop/.cache/x",
        "shop/cart.js",
    ] {
        std::fs::write(public.join(name), "content").unwrap();
    }
    std::fs::write(app.join("secret"), "content").unwrap();
    symlink("release", app.join("public")).unwrap();
    symlink("../secret", public.join("out.txt")).unwrap();
    symlink(&app, public.join("app")).unwrap();
    symlink(".env", public.join("env.txt")).unwrap();
    symlink("shop/cart.js", public.join("cart.js")).unwrap();
    symlink("shop/cart.js", public.join(".cart.js")).unwrap();
    let server = installation.serve();
    let nobody = server.nobody();
    for path in ["/shop/cart.js", "/cart.js", "/.well-known/security.txt"] {
        assert_eq!(nobody.get(path).expect(200).text(), "content", "{path}");
    }
    nobody.get("/.well-known/jwks.json").expect(200);
    for path in [
        "/.env",
        "/%2eenv",
        "/.git/config",
        "/.git",
        "/.git/",
        "/shop/.cache/x",
        "/.well-known/.env",
        "/out.txt",
        "/app/secret",
        "/app/app.toml",
        "/app/",
        "/app",
        "/env.txt",
        "/.cart.js",
        "/shop/../.env",
        "/shop//.cache/x",
    ] {
        nobody.get(path).expect_code(404, "not_found");
        nobody.send(&Call::new("HEAD", path)).expect(404);
    }
    server.stop();
}

/// An address that our proxy reports counts for throttling; what a client says of itself does not.
#[test]
fn behind_a_trusted_proxy_the_rightmost_address_counts() {
    let installation = Installation::new();
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    command.env("TENANTRY_TRUSTED_PROXIES", "127.0.0.1");
    let server = Server::spawn(&installation, command).unwrap();
    let ann = server.sign_up("ann");
    let body = serde_json::json!({"email": ann.email, "password": ann.password});
    for (forwarded, expected) in [
        ("203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("rubbish, 203.0.113.9", "203.0.113.9"),
        ("203.0.113.9, rubbish", "127.0.0.1"),
    ] {
        let call = Call::post("/api/v1/auth/sign-in", body.clone()).header("x-forwarded-for", forwarded);
        let token = server.nobody().send(&call).expect(200).string("/access_token");
        let sessions = server.nobody().bearer(&token).get("/api/v1/auth/sessions").expect(200);
        let current =
            sessions.json["items"].as_array().unwrap().iter().find(|one| one["current"] == true).unwrap();
        assert_eq!(current["address"], expected, "{forwarded}");
    }
    server.stop();
}

#[test]
fn passwords_are_typed_into_fields_that_hide_them_and_that_password_managers_know() {
    let server = Installation::new().serve();
    let mut fields = 0;
    for page in ["/setup", "/console/accept", "/console/reset", "/console/verify", "/console", "/api/docs"] {
        let text = server.nobody().get(page).expect(200).text();
        for input in text.split("<input").skip(1).filter_map(|rest| rest.split('>').next()) {
            if input.contains("password") {
                assert!(input.contains("type=\"password\""), "{page}: {input}");
                let is_known = ["current-password", "new-password"].iter().any(|name| input.contains(name));
                assert!(is_known, "{page}: {input}");
                fields += 1;
            }
        }
        for script in text.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let code = server.nobody().get(script).expect(200).text();
            let listens = ["\"paste\"", "onpaste", "\"beforeinput\"", "\"keydown\""]
                .iter()
                .find(|name| code.contains(**name));
            assert_eq!(listens, None, "{script}");
        }
    }
    assert!(fields >= 3, "{fields}");
    server.stop();
}

/// All scripts below a directory.
fn scripts(place: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
    let (places, files): (Vec<PathBuf>, Vec<PathBuf>) = entries.partition(|path| path.is_dir());
    let files = files.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "js"));
    files.chain(places.iter().flat_map(|place| scripts(place))).collect()
}

#[test]
fn the_console_hides_passwords_too_and_leaves_them_to_password_managers() {
    let mut fields = 0;
    for script in scripts(&Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/console")) {
        let code = std::fs::read_to_string(&script).unwrap();
        let inputs = code.split("<${Field}").skip(1).chain(code.split("<input").skip(1));
        let inputs = inputs.filter_map(|rest| rest.split("/>").next());
        let of_passwords: Vec<_> =
            inputs.filter(|input| input.contains("name=\"") && input.contains("password\"")).collect();
        for input in &of_passwords {
            let is_known = ["current-password", "new-password"]
                .iter()
                .any(|name| input.contains(&format!("autocomplete=\"{name}\"")));
            assert!(input.contains("type=\"password\"") && is_known, "{}: {input}", script.display());
        }
        let listens = ["paste\"", "onPaste"].iter().find(|name| code.contains(**name));
        assert!(of_passwords.is_empty() || listens.is_none(), "{}: {listens:?}", script.display());
        fields += of_passwords.len();
    }
    assert!(fields >= 6, "{fields}");
}
