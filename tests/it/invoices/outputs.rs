//! An invoice as CSV and as a page.

use super::*;
use crate::harness::Call;

#[test]
fn an_invoice_is_a_table_for_spreadsheets_and_a_page_without_scripts() {
    let (installation, server, ann, acme) = begin();
    let name = "=cmd|' /C calc'!A1 <script>alert(1)</script>";
    ann.client.patch(&acme.path(""), json!({ "name": name })).expect(200);
    let operator = server.add_operator();
    let rate = json!({ "tax": { "name": "=1+1<b>", "percent": 7 } });
    operator.client.send(&Call::put("/api/v1/operator/tenants/acme/tax-rate", rate)).expect(200);
    tokens(&ann.client, &acme, 300, "a");
    set_clock(&installation, "2026-06-01T01:00:00Z");
    close(&installation, &["--final"]);
    let ann = ann.sign_in_again();
    let invoice = list(&ann.client, &acme).remove(0);
    let path = acme.path(&format!("/invoices/{}", invoice["id"].as_str().unwrap()));
    let table = ann.client.send(&Call::get(&path).header("accept", "text/csv")).expect(200);
    assert!(table.header("content-disposition").unwrap().contains("INV-000001.csv"));
    let text = table.text();
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let amounts: Vec<i64> = rows.records().map(|row| row.unwrap()[8].parse().unwrap()).collect();
    assert_eq!(amounts.iter().sum::<i64>(), invoice["total_cents"].as_i64().unwrap());
    assert!(text.contains(",'=1+1<b> 7 %,"), "{text}");
    let page = ann.client.send(&Call::get(&path).header("accept", "text/html,*/*;q=0.8")).expect(200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("vary"), Some("accept"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self'") && !policy.contains("unsafe"),
        "{policy}"
    );
    let html = page.text();
    assert!(
        !html.contains("<script")
            && !html.contains("<b>")
            && !html.contains("style=")
            && !html.contains("http")
    );
    assert!(
        html.contains("&lt;script&gt;") && html.contains("INV-000001") && html.contains("56.71 USD"),
        "{html}"
    );
    server.nobody().get("/assets/paper.css").expect(200);
    server.nobody().get("/assets/invoice.css").expect(200);
    let all = ann.client.send(&Call::get(acme.path("/invoices")).header("accept", "text/csv")).expect(200);
    assert_eq!(all.text().lines().count(), 2);
    // No other tenant's: not for its members, and not under its path.
    let (bob, other) = server.sign_up_with_tenant("bob", "other");
    bob.client.get(&path).expect(404);
    let elsewhere = other.path(&format!("/invoices/{}", invoice["id"].as_str().unwrap()));
    bob.client.get(&elsewhere).expect(404);
}

#[test]
fn an_operator_reads_the_invoices_of_each_tenant_by_itself() {
    let (installation, server, ann, acme) = begin();
    let operator = server.add_operator();
    tokens(&ann.client, &acme, 300, "a");
    let (bob, other) = server.sign_up_with_tenant("bob", "other");
    tokens(&bob.client, &other, 5, "b");
    set_clock(&installation, "2026-06-01T01:00:00Z");
    close(&installation, &["--final"]);
    let (ann, operator) = (ann.sign_in_again(), operator.sign_in_again());
    let own = ann.client.get(&acme.path("/invoices")).expect(200);
    let read = operator.client.get("/api/v1/operator/tenants/acme/invoices").expect(200);
    assert_eq!(read.json, own.json);
    let id = own.string("/items/0/id");
    let path = |slug: &str| format!("/api/v1/operator/tenants/{slug}/invoices/{id}");
    let one = operator.client.get(&path("acme")).expect(200);
    assert_eq!(one.json, ann.client.get(&acme.path(&format!("/invoices/{id}"))).expect(200).json);
    let page = operator.client.send(&Call::get(path("acme")).header("accept", "text/html")).expect(200);
    assert!(page.text().contains("INV-00000"), "{}", page.text());
    operator.client.get(&path("other")).expect(404);
    operator.client.get("/api/v1/operator/tenants/acme/invoices/none").expect(404);
    operator.client.get("/api/v1/operator/tenants/nobody/invoices").expect(404);
    ann.client.get(&path("acme")).expect(403);
}
