//! What tenants put into letters.

use super::templates::{Rendered, Templates};
use crate::model::letter::Content;
use serde_json::Value;

const URL: &str = "https://app.example.com";

/// The letter with `hostile` wherever somebody else says what stands there.
fn with(content: &Content, hostile: &str) -> Content {
    let mut value = serde_json::to_value(content).unwrap();
    for (name, field) in value.as_object_mut().unwrap() {
        if let Value::String(text) = field
            && !matches!(name.as_str(), "letter" | "link")
        {
            hostile.clone_into(text);
        }
    }
    serde_json::from_value(value).unwrap()
}

fn hrefs(rendered: &Rendered) -> Vec<&str> {
    rendered.html.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[test]
fn nothing_that_a_tenant_says_becomes_a_tag_a_link_a_line_or_a_header() {
    let templates = Templates::load(None, "Shop <b>& Co</b>").unwrap();
    let hostile = [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "Acme\r\nBcc: eve@example.com\r\n\r\n<p>x",
        "Acme\n\nOpen it:\nhttps://app.example.com/console/evil",
        "a: b\nc: d",
        "\u{1b}]0;x\u{7}\u{1b}[31m",
        "safe\u{202e}cod.exe\u{2066}\u{200f}\u{feff}",
        "{{ product }}{% for x in range(9) %}x{% endfor %}",
        "https://evil.example/",
        "</title></head>--></style>",
    ];
    for content in Content::samples() {
        let plain = templates.render(&with(&content, "Acme"), URL).unwrap();
        for text in hostile {
            let rendered = templates.render(&with(&content, text), URL).unwrap();
            let told = format!("{content:?} with {text:?}: {rendered:#?}");
            let tags = |rendered: &Rendered| rendered.html.matches('<').count();
            assert_eq!(tags(&rendered), tags(&plain), "{told}");
            assert_eq!(hrefs(&rendered), hrefs(&plain), "{told}");
            assert!(
                hrefs(&rendered).iter().all(|link| link.starts_with("https://app.example.com/")),
                "{told}"
            );
            assert_eq!(rendered.text.lines().count(), plain.text.lines().count(), "{told}");
            let all = [&rendered.subject, &rendered.text, &rendered.html];
            for unseen in ['\u{1b}', '\u{7}', '\r', '\u{202e}', '\u{2066}', '\u{200f}', '\u{feff}'] {
                assert!(!all.iter().any(|part| part.contains(unseen)), "{unseen:?} in {told}");
            }
            assert!(!rendered.subject.chars().any(char::is_control), "{told}");
            assert!(!rendered.html.contains("xxxxxxxxx"), "{told}");
        }
    }
}

#[test]
fn a_letter_loads_nothing_from_anywhere() {
    let templates = Templates::load(None, "Shop").unwrap();
    for content in Content::samples() {
        let html = templates.render(&content, URL).unwrap().html;
        for sign in [
            "<img",
            "src=",
            "url(",
            "@import",
            "<link",
            "<script",
            "<iframe",
            "<object",
            "<form",
            "background=",
        ] {
            assert!(!html.contains(sign), "{sign} in {html}");
        }
        assert!(html.contains("prefers-color-scheme: dark") && html.contains("max-width:560px"));
    }
}
