//! What customers and cards do, and how objects look in old versions and current ones.

use serde_json::{Value, json};

use super::answers::missing;
use super::wire::Asked;
use super::{Objects, Shape, State, Stripe, event};

const MONTH: i64 = 30 * 86_400;

impl Objects {
    /// The next id: later ones sort behind.
    pub fn id(&mut self, prefix: &str) -> String {
        self.next += 1;
        format!("{prefix}_{:06}", self.next)
    }

    pub fn of(&self, kind: &str) -> Option<&std::collections::BTreeMap<String, Value>> {
        match kind {
            "customers" => Some(&self.customers),
            "sessions" => Some(&self.sessions),
            "subscriptions" => Some(&self.subscriptions),
            "invoices" => Some(&self.invoices),
            "invoiceitems" => Some(&self.items),
            "charges" => Some(&self.charges),
            "disputes" => Some(&self.disputes),
            _ => None,
        }
    }

    pub fn tell(&mut self, state: &State, kind: &str, object: &Value) {
        let id = self.id("evt");
        self.events.push(event(id, kind, object, state.now(), state.shape));
    }

    /// What is subscribed ends without a last bill; of the customer the id stays.
    pub fn delete_customer(&mut self, state: &State, id: &str) {
        let is_open = |one: &&Value| one["customer"] == id && one["status"] != "canceled";
        let open: Vec<Value> = self.subscriptions.values().filter(is_open).cloned().collect();
        for subscription in open {
            self.cancel(state, subscription["id"].as_str().unwrap());
        }
        let created = self.customers[id]["created"].clone();
        let deleted = json!({ "id": id, "object": "customer", "created": created, "deleted": true });
        self.customers.insert(id.to_owned(), deleted);
    }

    pub fn cancel(&mut self, state: &State, id: &str) {
        let now = state.now();
        let subscription = self.subscriptions.get_mut(id).unwrap();
        subscription["status"] = json!("canceled");
        subscription["ended_at"] = json!(now);
        let subscription = subscription.clone();
        self.tell(state, "customer.subscription.deleted", &subscription);
    }

    fn make_subscription(&mut self, state: &State, customer: &str, price: &str, trial_days: i64) -> String {
        let (id, item, now) = (self.id("sub"), self.id("si"), state.now());
        let end = now + if trial_days > 0 { trial_days * 86_400 } else { MONTH };
        let mut item = json!({
            "id": item, "object": "subscription_item", "quantity": 1,
            "price": {"id": price, "object": "price", "recurring": {"interval": "month", "usage_type": "licensed"}},
        });
        let mut subscription = json!({
            "id": id, "object": "subscription", "created": now, "livemode": false, "customer": customer,
            "status": if trial_days > 0 { "trialing" } else { "active" },
            "trial_end": if trial_days > 0 { json!(end) } else { Value::Null },
            "cancel_at_period_end": false, "cancel_at": null, "pause_collection": null, "metadata": {},
        });
        let at = if state.shape == Shape::Old { &mut subscription } else { &mut item };
        at["current_period_start"] = json!(now);
        at["current_period_end"] = json!(end);
        subscription["items"] = json!({"object": "list", "data": [item], "has_more": false});
        self.subscriptions.insert(id.clone(), subscription.clone());
        self.tell(state, "customer.subscription.created", &subscription);
        id
    }

    fn make_invoice(&mut self, state: &State, subscription: &str, total: i64) -> String {
        let (id, now) = (self.id("in"), state.now());
        let customer = self.subscriptions[subscription]["customer"].clone();
        let mut invoice = json!({
            "id": id, "object": "invoice", "created": now, "livemode": false, "customer": customer, "status": "draft",
            "currency": "usd", "total": total, "amount_paid": 0, "attempt_count": 0, "number": null,
            "hosted_invoice_url": null, "last_finalization_error": null, "period_start": now - MONTH, "period_end": now,
            "lines": {"object": "list", "data": [], "has_more": false},
        });
        if state.shape == Shape::Old {
            invoice["subscription"] = json!(subscription);
        } else {
            invoice["parent"] = json!({
                "type": "subscription_details", "subscription_details": {"subscription": subscription, "metadata": {}},
            });
        }
        self.invoices.insert(id.clone(), invoice.clone());
        self.tell(state, "invoice.created", &invoice);
        id
    }

    /// One that is asked for, of no subscription, with nothing on it.
    pub fn make_own_invoice(&mut self, state: &State, asked: &Asked) -> (u16, Value) {
        let customer = asked.field("customer").unwrap_or_default();
        if !self.customers.contains_key(customer) {
            return missing("customer");
        }
        let (id, now) = (self.id("in"), state.now());
        let invoice = json!({
            "id": id, "object": "invoice", "created": now, "livemode": false, "customer": customer, "status": "draft",
            "currency": asked.field("currency"), "total": 0, "amount_paid": 0, "attempt_count": 0, "number": null,
            "hosted_invoice_url": null, "last_finalization_error": null, "period_start": now, "period_end": now,
            "lines": {"object": "list", "data": [], "has_more": false}, "metadata": asked.below("metadata"),
            "auto_advance": asked.field("auto_advance") == Some("true"),
            "default_payment_method": asked.field("default_payment_method"),
        });
        self.invoices.insert(id, invoice.clone());
        self.tell(state, "invoice.created", &invoice);
        (200, invoice)
    }

    pub fn update(&mut self, state: &State, kind: &str, id: &str, change: &Value, told: &str) {
        let all = match kind {
            "subscriptions" => &mut self.subscriptions,
            "invoices" => &mut self.invoices,
            "charges" => &mut self.charges,
            _ => &mut self.sessions,
        };
        let object = all.get_mut(id).unwrap();
        object.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let object = object.clone();
        self.tell(state, told, &object);
    }
}

impl Stripe {
    /// The newest checkout.
    #[track_caller]
    pub fn session(&self) -> Value {
        self.objects().sessions.values().next_back().expect("a checkout").clone()
    }

    /// An object as it is.
    #[track_caller]
    pub fn object(&self, kind: &str, id: &str) -> Value {
        self.objects().of(kind).unwrap()[id].clone()
    }

    /// All of a kind, by id.
    pub fn all(&self, kind: &str) -> Vec<Value> {
        self.objects().of(kind).unwrap().values().cloned().collect()
    }

    /// The customer pays the newest checkout: a subscription begins, with a first invoice that is paid.
    #[track_caller]
    pub fn pay_checkout(&self) -> String {
        let session = self.session();
        assert_eq!(session["status"], "open", "a page that takes no money");
        let id = session["id"].as_str().unwrap();
        let mut objects = self.objects();
        let trial = session["x_trial_days"].as_str().map_or(0, |days| days.parse().unwrap());
        let (customer, price) = (session["customer"].as_str().unwrap(), session["x_price"].as_str().unwrap());
        let subscription = objects.make_subscription(&self.state, customer, price, trial);
        let change = json!({"status": "complete", "payment_status": "paid", "subscription": subscription});
        objects.update(&self.state, "sessions", id, &change, "checkout.session.completed");
        drop(objects);
        self.bill(&subscription, if trial > 0 { 0 } else { 4_900 });
        self.pay(&self.newest_invoice());
        subscription
    }

    /// The customer chose a way to pay that takes days: it is complete and not paid.
    #[track_caller]
    pub fn complete_checkout_unpaid(&self) -> String {
        let session = self.session();
        let id = session["id"].as_str().unwrap();
        let mut objects = self.objects();
        let (customer, price) = (session["customer"].as_str().unwrap(), session["x_price"].as_str().unwrap());
        let subscription = objects.make_subscription(&self.state, customer, price, 0);
        objects.subscriptions.get_mut(&subscription).unwrap()["status"] = json!("incomplete");
        let change = json!({"status": "complete", "payment_status": "unpaid", "subscription": subscription});
        objects.update(&self.state, "sessions", id, &change, "checkout.session.completed");
        subscription
    }

    /// What was on its way has come.
    pub fn payment_arrives(&self, subscription: &str) {
        let id = self.session()["id"].as_str().unwrap().to_owned();
        let mut objects = self.objects();
        let active = json!({"status": "active"});
        objects.update(&self.state, "subscriptions", subscription, &active, "customer.subscription.updated");
        let paid = json!({"payment_status": "paid"});
        objects.update(&self.state, "sessions", &id, &paid, "checkout.session.async_payment_succeeded");
    }

    /// A customer that was made by hand, with such metadata.
    pub fn make_customer(&self, metadata: Value) -> String {
        let mut objects = self.objects();
        let id = objects.id("cus");
        let customer = json!({
            "id": id, "object": "customer", "created": self.now(), "livemode": false, "metadata": metadata, "customer": null,
        });
        objects.customers.insert(id.clone(), customer);
        id
    }

    /// A subscription that was made by hand.
    pub fn subscribe(&self, customer: &str, price: &str) -> String {
        self.objects().make_subscription(&self.state, customer, price, 0)
    }

    /// Something becomes of a subscription, and is told under a name.
    pub fn change_subscription(&self, id: &str, change: &Value, told: &str) {
        self.objects().update(&self.state, "subscriptions", id, change, told);
    }

    /// Another price, as after an upgrade in the portal.
    pub fn change_price(&self, id: &str, price: &str) {
        let mut objects = self.objects();
        let mut items = objects.subscriptions[id]["items"].clone();
        items["data"][0]["price"]["id"] = json!(price);
        let change = json!({ "items": items });
        objects.update(&self.state, "subscriptions", id, &change, "customer.subscription.updated");
    }

    pub fn cancel(&self, id: &str) {
        self.objects().cancel(&self.state, id);
    }

    /// The next period begins where the last one ended; its fee is on a draft.
    pub fn renew(&self, id: &str, fee: i64) -> String {
        let mut objects = self.objects();
        let mut subscription = objects.subscriptions[id].clone();
        let at = match self.state.shape {
            Shape::Old => &mut subscription,
            Shape::Current => &mut subscription["items"]["data"][0],
        };
        let begins = at["current_period_end"].as_i64().unwrap();
        at["current_period_start"] = json!(begins);
        at["current_period_end"] = json!(begins + MONTH);
        objects.update(&self.state, "subscriptions", id, &subscription, "customer.subscription.updated");
        drop(objects);
        self.draft(id, fee)
    }

    /// An invoice over that is made and finalized.
    pub fn bill(&self, subscription: &str, total: i64) -> String {
        let id = self.draft(subscription, total);
        self.finalize(&id);
        id
    }

    /// An invoice that is still a draft.
    pub fn draft(&self, subscription: &str, total: i64) -> String {
        self.objects().make_invoice(&self.state, subscription, total)
    }

    pub fn finalize(&self, id: &str) {
        let change = json!({
            "status": "open", "number": format!("N-{id}"), "hosted_invoice_url": format!("https://invoice.stripe.example/{id}"),
        });
        self.change_invoice(id, &change, "invoice.finalized");
    }

    #[track_caller]
    pub fn newest_invoice(&self) -> String {
        self.objects().invoices.keys().next_back().expect("an invoice").clone()
    }

    /// Something becomes of an invoice, and is told under a name.
    pub fn change_invoice(&self, id: &str, change: &Value, told: &str) {
        self.objects().update(&self.state, "invoices", id, change, told);
    }

    /// A card pays an invoice.
    pub fn pay(&self, id: &str) -> String {
        let mut objects = self.objects();
        let (charge, intent) = (objects.id("ch"), objects.id("pi"));
        let invoice = objects.invoices[id].clone();
        let change = json!({"status": "paid", "amount_paid": invoice["total"], "attempt_count": 1});
        objects.update(&self.state, "invoices", id, &change, "invoice.paid");
        let mut paid = json!({
            "id": charge, "object": "charge", "created": self.now(), "livemode": false, "customer": invoice["customer"],
            "payment_intent": intent, "amount": invoice["total"], "amount_refunded": 0, "refunded": false, "disputed": false,
        });
        if self.state.shape == Shape::Old {
            paid["invoice"] = json!(id);
        }
        objects.charges.insert(charge.clone(), paid);
        objects.payments.push((intent, id.to_owned()));
        charge
    }

    pub fn refund(&self, charge: &str, amount: i64) {
        let change = json!({ "amount_refunded": amount });
        self.objects().update(&self.state, "charges", charge, &change, "charge.refunded");
    }

    pub fn dispute(&self, charge: &str) {
        let mut objects = self.objects();
        objects.charges.get_mut(charge).unwrap()["disputed"] = json!(true);
        let id = objects.id("dp");
        let dispute = json!({
            "id": id, "object": "dispute", "created": self.now(), "livemode": false, "charge": charge,
            "payment_intent": null, "status": "needs_response",
        });
        objects.disputes.insert(id, dispute.clone());
        objects.tell(&self.state, "charge.dispute.created", &dispute);
    }

    /// The newest dispute is over.
    pub fn close_dispute(&self) {
        let mut objects = self.objects();
        let dispute = objects.disputes.values_mut().next_back().unwrap();
        dispute["status"] = json!("won");
        let dispute = dispute.clone();
        objects.tell(&self.state, "charge.dispute.closed", &dispute);
    }

    /// Something becomes of a checkout, and is told under a name.
    pub fn update_session(&self, id: &str, change: &Value, told: &str) {
        self.objects().update(&self.state, "sessions", id, change, told);
    }

    /// Changes the newest checkout without telling anybody.
    pub fn change_session(&self, change: &Value) {
        let mut objects = self.objects();
        let session = objects.sessions.values_mut().next_back().unwrap();
        session.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    }

    /// Forgets an object.
    pub fn lose(&self, kind: &str, id: &str) {
        let mut objects = self.objects();
        let all = match kind {
            "customers" => &mut objects.customers,
            "subscriptions" => &mut objects.subscriptions,
            _ => &mut objects.invoices,
        };
        all.remove(id).unwrap();
    }

    /// Somebody deletes a draft in the dashboard; what was on it is deleted with it, or waits for the next invoice.
    pub fn delete_draft(&self, id: &str, items_stay: bool) {
        let mut objects = self.objects();
        let draft = objects.invoices.remove(id).unwrap();
        if items_stay {
            for item in objects.items.values_mut().filter(|item| item["invoice"] == id) {
                item["invoice"] = Value::Null;
            }
        } else {
            objects.items.retain(|_, item| item["invoice"] != id);
        }
        objects.tell(&self.state, "invoice.deleted", &draft);
    }

    /// Forgets all events, as after thirty days.
    pub fn forget_events(&self) {
        self.objects().events.clear();
    }

    /// Forgets what was answered to which key, as after a day.
    pub fn forget_keys(&self) {
        self.objects().answered.clear();
    }

    /// Changes an object without telling anybody.
    pub fn drift(&self, kind: &str, id: &str, change: &Value) {
        let mut objects = self.objects();
        let all = if kind == "subscriptions" { &mut objects.subscriptions } else { &mut objects.invoices };
        all.get_mut(id).unwrap().as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    }
}
