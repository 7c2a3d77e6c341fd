//! Forged and twisted access tokens.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use hmac::{KeyInit as _, Mac as _};
use serde_json::{Value, json};

use crate::harness::{Client, Installation, Person, Server};

/// A token taken apart.
struct Token {
    header: Value,
    claims: Value,
}

impl Token {
    fn of(person: &Person) -> Token {
        let part = |index: usize| {
            let text = person.access_token.split('.').nth(index).unwrap();
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
        };
        Token { header: part(0), claims: part(1) }
    }

    fn signing_input(&self) -> String {
        let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        format!("{}.{}", encode(&self.header), encode(&self.claims))
    }

    fn with_signature(&self, signature: &[u8]) -> String {
        format!("{}.{}", self.signing_input(), URL_SAFE_NO_PAD.encode(signature))
    }

    fn signed_by(&self, key: &SigningKey) -> String {
        self.with_signature(&key.sign(self.signing_input().as_bytes()).to_bytes())
    }

    fn hs256(&self, secret: &[u8]) -> String {
        let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(secret).unwrap();
        mac.update(self.signing_input().as_bytes());
        self.with_signature(&mac.finalize().into_bytes())
    }
}

fn public_key(server: &Server) -> Vec<u8> {
    let keys = server.nobody().get("/.well-known/jwks.json").expect(200);
    URL_SAFE_NO_PAD.decode(keys.string("/keys/0/x")).unwrap()
}

/// The server's own key, found in its data directory whatever the form: any 32 bytes whose public key is the published
/// one.
fn server_key(server: &Server) -> SigningKey {
    let public = public_key(server);
    let keys = server.installation().data().join("keys");
    let files = std::fs::read_dir(&keys).unwrap().map(|entry| entry.unwrap().path());
    let found = files.flat_map(|file| readings(&file)).find_map(|bytes| {
        bytes.windows(32).find_map(|seed| {
            let key = SigningKey::from_bytes(seed.try_into().unwrap());
            (key.verifying_key().as_bytes().as_slice() == public).then_some(key)
        })
    });
    found.unwrap_or_else(|| panic!("no key in {} is the published one", keys.display()))
}

/// The bytes of a file, and what they are if they are base64 (with or without the lines of PEM) or hex.
fn readings(file: &Path) -> Vec<Vec<u8>> {
    let raw = std::fs::read(file).unwrap();
    let text = String::from_utf8_lossy(&raw).into_owned();
    let body: String = text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    let hex = body.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    let hex: Option<Vec<u8>> = hex.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect();
    let decoded = [STANDARD.decode(&body).ok(), URL_SAFE_NO_PAD.decode(&body).ok(), hex];
    decoded.into_iter().flatten().chain([raw]).collect()
}

#[track_caller]
fn assert_refused(nobody: &Client, name: &str, token: &str) {
    let answer = nobody.bearer(token).get("/api/v1/me");
    assert_eq!(answer.status, 401, "{name}: {}", answer.text());
}

#[test]
fn a_token_is_signed_with_ed25519_and_says_nothing_about_tenant_role_or_address() {
    let server = Installation::new().serve();
    let (ann, _) = server.sign_up_with_tenant("ann", "acme");
    let token = Token::of(&ann);
    assert_eq!(token.header["alg"], "EdDSA");
    assert_eq!(token.header["typ"], "at+jwt");
    assert!(token.header["kid"].is_string());
    let claims = token.claims.as_object().unwrap();
    for claim in ["iss", "aud", "sub", "sid", "iat", "nbf", "exp", "jti"] {
        assert!(claims.contains_key(claim), "no {claim}: {claims:?}");
    }
    for claim in ["tenant", "tenant_id", "role", "roles", "email", "name"] {
        assert!(!claims.contains_key(claim), "{claim}: {claims:?}");
    }
    let life = token.claims["exp"].as_i64().unwrap() - token.claims["iat"].as_i64().unwrap();
    assert_eq!(life, 300);
    server.stop();
}

#[test]
fn a_token_without_a_signature_of_ours_is_refused() {
    let server = Installation::new().serve();
    let nobody = server.nobody();
    let ann = server.sign_up("ann");
    let real = ann.access_token.clone();
    for alg in ["none", "None", "nOnE", "NONE", ""] {
        let mut token = Token::of(&ann);
        token.header["alg"] = json!(alg);
        assert_refused(&nobody, alg, &token.with_signature(b""));
        assert_refused(&nobody, alg, token.with_signature(b"").trim_end_matches('.'));
        let signature = URL_SAFE_NO_PAD.decode(real.rsplit('.').next().unwrap()).unwrap();
        assert_refused(&nobody, alg, &token.with_signature(&signature));
    }
    let mut changed = Token::of(&ann);
    changed.claims["sub"] = json!("018f4d3c-7c1a-7000-8000-000000000000");
    let signature = URL_SAFE_NO_PAD.decode(real.rsplit('.').next().unwrap()).unwrap();
    assert_refused(&nobody, "other claims under a real signature", &changed.with_signature(&signature));
    assert_refused(&nobody, "zero signature", &Token::of(&ann).with_signature(&[0; 64]));
    assert_refused(&nobody, "two parts", real.rsplit_once('.').unwrap().0);
    assert_refused(&nobody, "four parts", &format!("{real}.x"));
    assert_refused(&nobody, "padding", &format!("{real}="));
    assert_refused(&nobody, "nothing", "x");
    assert_refused(&nobody, "huge", &"x".repeat(6_000));
    ann.client.get("/api/v1/me").expect(200);
    server.stop();
}

#[test]
fn the_public_key_is_no_secret_to_sign_with() {
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let public = public_key(&server);
    let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    der.extend(&public);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", STANDARD.encode(&der));
    let secrets =
        [public.clone(), URL_SAFE_NO_PAD.encode(&public).into_bytes(), der, pem.into_bytes(), vec![0]];
    for alg in ["HS256", "hs256", "EdDSA"] {
        let mut token = Token::of(&ann);
        token.header["alg"] = json!(alg);
        for secret in &secrets {
            assert_refused(&server.nobody(), alg, &token.hs256(secret));
        }
    }
    server.stop();
}

#[test]
fn a_key_that_the_token_brings_along_or_points_at_is_not_believed() {
    let installation = Installation::new();
    let server = installation.serve();
    let ann = server.sign_up("ann");
    let own = SigningKey::from_bytes(&[7; 32]);
    let jwk =
        json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(own.verifying_key().as_bytes())});
    let file = installation.beside("own.key");
    std::fs::write(&file, own.to_bytes()).unwrap();
    let path = file.to_str().unwrap().to_owned();
    let real_kid = Token::of(&ann).header["kid"].clone();
    let headers = [
        ("embedded jwk", json!({"jwk": jwk, "kid": real_kid})),
        ("embedded jwk alone", json!({"jwk": jwk, "kid": null})),
        ("key set of their own", json!({"jku": "http://127.0.0.1:9/jwks.json", "kid": "own"})),
        ("certificate", json!({"x5u": "http://127.0.0.1:9/x", "x5c": ["AAAA"], "kid": real_kid})),
        ("traversal", json!({"kid": "../../../../../../../../dev/null"})),
        ("absolute path", json!({"kid": path})),
        ("relative path", json!({"kid": "../../own.key"})),
        ("quote", json!({"kid": "x' UNION SELECT 'own"})),
        ("no kid", json!({"kid": null})),
        ("number", json!({"kid": 0})),
        ("real kid, other key", json!({"kid": real_kid})),
    ];
    for (name, header) in headers {
        let mut token = Token::of(&ann);
        for (field, value) in header.as_object().unwrap() {
            token.header[field] = value.clone();
            if value.is_null() {
                token.header.as_object_mut().unwrap().remove(field);
            }
        }
        assert_refused(&server.nobody(), name, &token.signed_by(&own));
        token.header["alg"] = json!("HS256");
        assert_refused(&server.nobody(), name, &token.hs256(b""));
        assert_refused(&server.nobody(), name, &token.hs256(&own.to_bytes()));
    }
    server.stop();
}

#[test]
fn a_token_of_another_installation_is_refused() {
    let (server, foreign) = (Installation::new().serve(), Installation::new().serve());
    let ann = server.sign_up("ann");
    let theirs = foreign.sign_up("ann");
    assert_refused(&server.nobody(), "as it is", &theirs.access_token);
    let key = server_key(&foreign);
    assert_refused(&server.nobody(), "our claims, their key, our kid", &Token::of(&ann).signed_by(&key));
    let mut token = Token::of(&ann);
    token.header["kid"] = Token::of(&theirs).header["kid"].clone();
    assert_refused(&server.nobody(), "our claims, their key, their kid", &token.signed_by(&key));
    server.stop();
    foreign.stop();
}

#[test]
fn even_under_our_own_signature_every_claim_is_looked_at() {
    let server = Installation::new().serve();
    let (ann, bob) = (server.sign_up("ann"), server.sign_up("bob"));
    let key = server_key(&server);
    // Were this refused, the refusals below would prove nothing.
    let untouched = Token::of(&ann).signed_by(&key);
    server.nobody().bearer(&untouched).get("/api/v1/me").expect(200);
    let now = Token::of(&ann).claims["iat"].as_i64().unwrap();
    let aud = Token::of(&ann).claims["aud"].clone();
    let twisted: Vec<(&str, &str, Option<Value>)> = vec![
        ("exp", "missing", None),
        ("exp", "a string", Some(json!((now + 300).to_string()))),
        ("exp", "in the past", Some(json!(now - 60))),
        ("exp", "a negative number", Some(json!(-1))),
        ("exp", "null", Some(Value::Null)),
        ("nbf", "missing", None),
        ("nbf", "in the future", Some(json!(now + 120))),
        ("nbf", "a string", Some(json!(now.to_string()))),
        ("aud", "missing", None),
        ("aud", "another", Some(json!("somebody else"))),
        ("aud", "a list", Some(json!([aud, "somebody else"]))),
        ("aud", "an empty list", Some(json!([]))),
        ("iss", "missing", None),
        ("iss", "another", Some(json!("https://evil.example"))),
        ("sub", "missing", None),
        ("sub", "somebody else", Some(json!(bob.id))),
        ("sub", "no id", Some(json!("../../x"))),
        ("sid", "missing", None),
        ("sid", "another session", Some(Token::of(&bob).claims["sid"].clone())),
        ("sid", "unknown", Some(json!("018f4d3c-7c1a-7000-8000-000000000000"))),
        ("iat", "missing", None),
    ];
    for (claim, what, value) in twisted {
        let mut token = Token::of(&ann);
        match value {
            Some(value) => token.claims[claim] = value,
            None => drop(token.claims.as_object_mut().unwrap().remove(claim)),
        }
        assert_refused(&server.nobody(), &format!("{claim}: {what}"), &token.signed_by(&key));
    }
    for typ in [json!("JWT"), json!("at+JWT "), json!("jwt"), json!(""), json!(1), Value::Null] {
        let mut token = Token::of(&ann);
        token.header["typ"] = typ.clone();
        assert_refused(&server.nobody(), &format!("typ {typ}"), &token.signed_by(&key));
    }
    server.stop();
}

#[test]
fn other_ways_to_say_who_one_is_are_not_listened_to() {
    use crate::harness::Call;
    let server = Installation::new().serve();
    let ann = server.sign_up("ann");
    let token = &ann.access_token;
    let basic = STANDARD.encode(format!("{}:{}", ann.email, ann.password));
    server.installation().plant_secret(&basic);
    let headers = [
        format!("Basic {basic}"),
        token.clone(),
        format!("Token {token}"),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
    ];
    for header in &headers {
        server
            .nobody()
            .send(&Call::get("/api/v1/me").header("authorization", header))
            .expect_one_of(&[400, 401]);
    }
    server.nobody().get(&format!("/api/v1/me?access_token={token}")).expect_one_of(&[400, 401]);
    let twice = Call::get("/api/v1/me").header("authorization", format!("Bearer {token}"));
    ann.client.send(&twice).expect_one_of(&[400, 401]);
    server.stop();
}
