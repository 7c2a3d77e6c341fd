//! What is answered to which request.

use serde_json::{Value, json};

use super::wire::Asked;
use super::{Objects, Shape, State};

pub fn answer(state: &State, asked: &Asked) -> (u16, Value) {
    let mut objects = state.objects.lock().unwrap();
    let described = format!("{} {} {:?}", asked.method, asked.path, asked.fields);
    if let Some((before, answer)) = asked.key.as_ref().and_then(|key| objects.answered.get(key)) {
        return if *before == described {
            (200, answer.clone())
        } else {
            (400, json!({"error": {"type": "idempotency_error", "message": "another request had this key"}}))
        };
    }
    let (status, answer) = act(state, &mut objects, asked);
    if let (200, Some(key)) = (status, &asked.key) {
        objects.answered.insert(key.clone(), (described, answer.clone()));
    }
    (status, answer)
}

pub fn missing(what: &str) -> (u16, Value) {
    (
        404,
        json!({"error": {"type": "invalid_request_error", "code": "resource_missing", "message": format!("No such {what}")}}),
    )
}

fn act(state: &State, objects: &mut Objects, asked: &Asked) -> (u16, Value) {
    let parts: Vec<&str> = asked.path.trim_start_matches("/v1/").split('/').collect();
    match (asked.method.as_str(), parts.as_slice()) {
        ("POST", ["customers"]) => (200, make_customer(objects, state, asked)),
        ("POST", ["customers", id]) => match objects.customers.get_mut(*id) {
            Some(customer) => (200, update_customer(customer, asked)),
            None => missing("customer"),
        },
        ("DELETE", ["customers", id]) => match objects.customers.get(*id) {
            Some(customer) if customer["deleted"] != true => {
                objects.delete_customer(state, id);
                (200, objects.customers[*id].clone())
            }
            _ => missing("customer"),
        },
        ("POST", ["checkout", "sessions"]) => make_session(objects, state, asked),
        ("POST", ["checkout", "sessions", id, "expire"]) => match objects.sessions.get_mut(*id) {
            Some(session) if session["status"] == "open" => {
                session["status"] = json!("expired");
                session["url"] = Value::Null;
                let session = session.clone();
                objects.tell(state, "checkout.session.expired", &session);
                (200, session)
            }
            Some(_) => (
                400,
                json!({"error": {"message": "Only Checkout Sessions with a status in open can be expired"}}),
            ),
            None => missing("session"),
        },
        ("DELETE", ["invoiceitems", id]) => match objects.items.remove(*id) {
            Some(_) => (200, json!({"id": id, "object": "invoiceitem", "deleted": true})),
            None => missing("invoiceitem"),
        },
        ("POST", ["billing_portal", "sessions"]) => {
            let customer = asked.field("customer").unwrap_or_default();
            if !objects.customers.contains_key(customer) {
                return missing("customer");
            }
            let url = format!("https://billing.stripe.example/p/{customer}");
            (200, json!({"id": objects.id("bps"), "object": "billing_portal.session", "url": url}))
        }
        ("POST", ["invoices"]) => objects.make_own_invoice(state, asked),
        ("POST", ["invoices", id]) if objects.invoices.contains_key(*id) => {
            let advances = json!({"auto_advance": asked.field("auto_advance") == Some("true")});
            objects.update(state, "invoices", id, &advances, "invoice.updated");
            (200, objects.invoices[*id].clone())
        }
        ("POST", ["invoiceitems"]) => make_item(objects, state, asked),
        ("DELETE", ["subscriptions", id]) => match objects.subscriptions.get(*id) {
            Some(subscription) if subscription["status"] != "canceled" => {
                objects.cancel(state, id);
                (200, objects.subscriptions[*id].clone())
            }
            _ => missing("subscription"),
        },
        ("GET", ["invoice_payments"]) if state.shape == Shape::Old => missing("url"),
        ("GET", ["invoice_payments"]) => {
            let intent = asked.field("payment[payment_intent]").unwrap_or_default();
            let found = objects.payments.iter().filter(|(of, _)| of == intent);
            let items: Vec<Value> = found
                .map(|(intent, invoice)| {
                    json!({"id": "inpay_1", "object": "invoice_payment", "invoice": invoice,
                           "payment": {"type": "payment_intent", "payment_intent": intent}})
                })
                .collect();
            (200, json!({"object": "list", "data": items, "has_more": false}))
        }
        ("GET", ["events"]) => {
            let types: Vec<&str> =
                asked.fields.iter().filter(|(name, _)| name == "types[]").map(|(_, t)| t.as_str()).collect();
            if types.len() > 20 {
                return (
                    400,
                    json!({"error": {"param": "types", "message": "Array must contain at most 20 elements"}}),
                );
            }
            let is_asked =
                |event: &&Value| types.is_empty() || types.contains(&event["type"].as_str().unwrap());
            let events: Vec<&Value> = objects.events.iter().rev().filter(is_asked).collect();
            (200, page(&events, asked))
        }
        ("GET", ["subscriptions"]) => {
            let is_all = asked.field("status") == Some("all");
            let all = objects.subscriptions.values().rev();
            (200, page(&all.filter(|one| is_all || one["status"] != "canceled").collect::<Vec<_>>(), asked))
        }
        ("GET", ["checkout", "sessions", id]) => found(objects.sessions.get(*id), "session"),
        ("GET", [kind]) => match objects.of(kind) {
            Some(all) => (200, page(&all.values().rev().collect::<Vec<_>>(), asked)),
            None => missing("url"),
        },
        ("GET", [kind, id]) => found(objects.of(kind).and_then(|all| all.get(*id)), kind),
        _ => missing("url"),
    }
}

fn found(object: Option<&Value>, what: &str) -> (u16, Value) {
    object.map_or_else(|| missing(what), |object| (200, object.clone()))
}

/// Newest first, as Stripe lists.
fn page(all: &[&Value], asked: &Asked) -> Value {
    let since = asked.field("created[gte]").map_or(0, |since| since.parse().unwrap());
    let customer = asked.field("customer");
    let matching = all.iter().filter(|one| one["created"].as_i64().unwrap() >= since);
    let matching = matching.filter(|one| customer.is_none_or(|customer| one["customer"] == customer));
    let mut rest: Vec<&Value> = matching.copied().collect();
    if let Some(after) = asked.field("starting_after") {
        let at = rest.iter().position(|one| one["id"] == after).unwrap();
        rest.drain(..=at);
    }
    // Pages are small here, so that there is more than one.
    let more = rest.len() > 7;
    rest.truncate(7);
    json!({"object": "list", "data": rest, "has_more": more})
}

fn make_customer(objects: &mut Objects, state: &State, asked: &Asked) -> Value {
    let id = objects.id("cus");
    let customer = json!({
        "id": id, "object": "customer", "created": state.now(), "livemode": false, "name": asked.field("name"),
        "metadata": asked.below("metadata"), "customer": null,
    });
    objects.customers.insert(id, customer.clone());
    customer
}

fn update_customer(customer: &mut Value, asked: &Asked) -> Value {
    customer["name"] = json!(asked.field("name"));
    // An empty value takes the whole away.
    let is_unset = |name: &str| asked.field(name) == Some("");
    customer["address"] = if is_unset("address") { Value::Null } else { json!(asked.below("address")) };
    let field = |part: &str| asked.field(&format!("invoice_settings[custom_fields][0][{part}]"));
    customer["invoice_settings"]["custom_fields"] = match (field("name"), field("value")) {
        _ if is_unset("invoice_settings[custom_fields]") => Value::Null,
        (name, value) => json!([{ "name": name, "value": value }]),
    };
    customer.clone()
}

fn make_session(objects: &mut Objects, state: &State, asked: &Asked) -> (u16, Value) {
    let customer = asked.field("customer").unwrap_or_default();
    if !objects.customers.contains_key(customer) {
        return missing("customer");
    }
    let price = asked.field("line_items[0][price]").unwrap_or_default();
    if price == "price_unknown" {
        let error =
            json!({"code": "resource_missing", "param": "line_items[0][price]", "message": "No such price"});
        return (400, json!({ "error": error }));
    }
    let id = objects.id("cs_test");
    let session = json!({
        "id": id, "object": "checkout.session", "created": state.now(), "livemode": false, "mode": asked.field("mode"),
        "customer": customer, "client_reference_id": asked.field("client_reference_id"), "status": "open",
        "payment_status": "unpaid", "subscription": null, "metadata": asked.below("metadata"),
        "success_url": asked.field("success_url"), "cancel_url": asked.field("cancel_url"),
        "url": format!("https://checkout.stripe.example/c/{id}"),
        "expires_at": state.now() + 86_400,
        // Not of the real one: what a customer is going to buy.
        "x_price": price, "x_trial_days": asked.field("subscription_data[trial_period_days]"),
    });
    objects.sessions.insert(id, session.clone());
    (200, session)
}

fn make_item(objects: &mut Objects, state: &State, asked: &Asked) -> (u16, Value) {
    let customer = asked.field("customer").unwrap_or_default();
    if !objects.customers.contains_key(customer) {
        return missing("customer");
    }
    let invoice = asked.field("invoice");
    if let Some(id) = invoice
        && objects.invoices.get(id).is_none_or(|invoice| invoice["status"] != "draft")
    {
        return (
            400,
            json!({"error": {"code": "invoice_not_editable", "message": "This invoice is no draft"}}),
        );
    }
    let amount: i64 = asked.field("amount").unwrap().parse().unwrap();
    let id = objects.id("ii");
    let item = json!({
        "id": id, "object": "invoiceitem", "created": state.now(), "livemode": false, "customer": customer,
        "amount": amount, "currency": asked.field("currency"), "invoice": invoice,
        "description": asked.field("description"), "metadata": asked.below("metadata"), "period": asked.below("period"),
    });
    objects.items.insert(id, item.clone());
    if let Some(id) = invoice {
        let total = objects.invoices[id]["total"].as_i64().unwrap() + amount;
        objects.update(state, "invoices", id, &json!({ "total": total }), "invoice.updated");
    }
    (200, item)
}
