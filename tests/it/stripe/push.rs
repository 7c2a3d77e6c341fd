//! Lines of ours on Stripe's invoices, each once.

use std::sync::Arc;

use serde_json::{Value, json};

use tenantry::clock::{ManualClock, SystemClock, Timestamp};
use tenantry::config::{Config, Partial};
use tenantry::error::Result;
use tenantry::id::TenantId;
use tenantry::model::money::Currency;
use tenantry::service::Installation;
use tenantry::service::stripe::{Line, push_lines};

use super::simulator::Shape;
use super::{Town, checkout};

fn line(id: &str, amount: i64) -> Line {
    Line {
        id: id.to_owned(),
        amount,
        currency: Currency::USD,
        description: format!("Usage {id}"),
        period: (Timestamp(1_000_000), Timestamp(2_000_000)),
    }
}

/// The program itself over this data, at a moment of its own.
async fn open(town_data: std::path::PathBuf, clock: Arc<ManualClock>) -> Arc<Installation> {
    let flags = Partial { data: Some(town_data), ..Partial::default() };
    Installation::open(Config::load(flags, None).unwrap(), clock).await.unwrap()
}

#[test]
fn each_line_is_sent_once_whatever_happens_on_the_way() {
    let town = Town::new(Shape::Current);
    checkout(&town.ann.client, &town.acme, "pro").expect(200);
    let subscription = town.stripe.pay_checkout();
    town.deliver();
    let draft = town.stripe.draft(&subscription, 4_900);
    let Town { installation, stripe, server, acme, .. } = town;
    server.stop();
    let tenant = TenantId::parse(&acme.id).unwrap();
    let items = || stripe.all("invoiceitems");
    let lines = [line("line_1", 1_234), line("line_2", -34), line("line_3", 0)];
    let clock = Arc::new(ManualClock::new(tenantry::clock::Clock::now(&SystemClock)));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let opened = open(installation.data(), Arc::clone(&clock)).await;
        let push = |invoice: Option<String>, lines: Vec<Line>| {
            let opened = Arc::clone(&opened);
            async move { push_lines(&opened, tenant, invoice.as_deref(), &lines).await }
        };
        // Stripe is away after it was noted: the same call again sends it.
        stripe.fail_with(500);
        assert_eq!(push(Some(draft.clone()), lines.to_vec()).await.unwrap_err().code(), "stripe_unavailable");
        stripe.fail_with(0);
        let first = push(Some(draft.clone()), lines.to_vec()).await.unwrap();
        assert_eq!(first.len(), 2, "nothing is sent over nothing");
        assert_eq!(push(Some(draft.clone()), lines.to_vec()).await.unwrap(), first);
        assert_eq!(items().len(), 2);
        assert_eq!(stripe.object("invoices", &draft)["total"], 4_900 + 1_234 - 34);
        let sent = &items()[0];
        assert_eq!(
            (&sent["amount"], &sent["currency"], &sent["invoice"]),
            (&json!(1_234), &json!("usd"), &json!(draft))
        );
        assert_eq!(sent["period"], json!({"start": "1000", "end": "2000"}));
        // The answer was lost on the way, and the key was forgotten since.
        let lost: Result<_> = push(None, vec![line("line_4", 5)]).await;
        let item = lost.unwrap().pop().unwrap().1;
        let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
        let forget = "UPDATE stripe_items SET item = NULL, pushed_at = NULL WHERE line_id = 'line_4'";
        assert_eq!(catalog.execute(forget, []).unwrap(), 1);
        stripe.forget_keys();
        clock.advance(30 * 3_600_000);
        installation.advance_clock(30 * 3_600_000);
        let found = push(None, vec![line("line_4", 5)]).await.unwrap();
        assert_eq!(found, [("line_4".to_owned(), item)]);
        assert_eq!(items().len(), 3);
        // Another amount under the same id would be another line.
        let other: Result<_> = push(None, vec![line("line_4", 6)]).await;
        assert!(other.is_err());
        // A finished invoice takes no more.
        stripe.finalize(&draft);
        let late = push(Some(draft.clone()), vec![line("line_5", 1)]).await.unwrap_err();
        assert_eq!(late.code(), "stripe_refused");
        let yen = Line { currency: Currency::parse("ISK").unwrap(), ..line("line_6", 7) };
        push(None, vec![yen]).await.unwrap();
        assert_eq!(items().last().unwrap()["amount"], 700);
        // What an invoice did not take goes onto the next one; what it took before the answer was lost does not.
        let (second, third) = (stripe.draft(&subscription, 1), stripe.draft(&subscription, 1));
        push(Some(second.clone()), vec![line("line_8", 8)]).await.unwrap();
        let forget = "UPDATE stripe_items SET item = NULL, pushed_at = NULL WHERE line_id = 'line_8'";
        assert_eq!(catalog.execute(forget, []).unwrap(), 1);
        stripe.finalize(&second);
        push(Some(third.clone()), vec![line("line_5", 1), line("line_8", 8)]).await.unwrap();
        let on = |invoice: &str| items().iter().filter(|item| item["invoice"] == invoice).count();
        assert_eq!((on(&second), on(&third)), (1, 1));
        let noted = "SELECT group_concat(invoice) FROM stripe_items WHERE line_id IN ('line_5', 'line_8') ORDER BY line_id";
        let noted: String = catalog.query_row(noted, [], |row| row.get(0)).unwrap();
        assert_eq!(noted, format!("{third},{second}"));
        opened.close().await;
    });
    let pushed: Vec<Value> = items();
    assert_eq!(pushed.len(), 6);
}
