//! Letters that tell of what was done. The act posts them in its own transaction, so that none is lost and none tells of
//! what was rolled back; here they become files, tenant by tenant in turn. Between the two a crash may send one twice.

use super::{Letter, file_name, sender_name};
use crate::catalog::{OfTenant, PostedLetter};
use crate::clock::{DAY, Timestamp};
use crate::error::{Kind, Result};
use crate::model::letter::{Content, Recipient};
use crate::policy::{OWNER, Permission, Roles};
use crate::service::Installation;
use std::collections::BTreeMap;

/// Tenants that have a turn at once, and letters that each may have written in it.
const SENDERS: u32 = 64;
const EACH: u32 = 8;
/// Letters of one tenant that wait for the mail server; those behind them wait in the catalog.
const AHEAD: usize = 200;
/// People whom one letter about a tenant is sent to at most.
const MOST_PEOPLE: usize = 50;
/// How long it is remembered what was told.
const REMEMBERED: i64 = 90 * DAY;
/// How long before its end a trial is told of.
const BEFORE_TRIAL_ENDS: i64 = 3 * DAY;
/// Trials that are told of in one transaction.
const TRIALS: u32 = 100;

/// A day as it stands in letters.
pub(in crate::service) fn on_day(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

/// A minute as it stands in letters.
pub(in crate::service) fn at_minute(at: Timestamp) -> String {
    let text: String = at.to_string().chars().take(16).collect();
    format!("{} UTC", text.replace('T', " "))
}

/// Writes the letters that were posted. Where a tenant has many, those of others are not behind them.
///
/// # Errors
/// As catalog and disk say.
pub async fn post_due(installation: &Installation) -> Result<()> {
    let mut after: Option<String> = None;
    let mut has_written = false;
    loop {
        let from = after.clone();
        let listed = installation
            .catalog
            .read(move |tx| tx.list_letters_to_write(from.as_deref(), SENDERS, EACH))
            .await?;
        let (letters, last) = listed;
        let written = write_all(installation, letters).await?;
        if !written.is_empty() {
            has_written = true;
            installation
                .catalog
                .write("letters_written", move |tx| tx.mark_letters_written(&written))
                .await?;
        }
        match last {
            Some(_) => after = last,
            None if has_written => (after, has_written) = (None, false),
            None => return Ok(()),
        }
    }
}

/// The letters that need no more looking after.
async fn write_all(installation: &Installation, letters: Vec<PostedLetter>) -> Result<Vec<String>> {
    let mut room: BTreeMap<String, usize> = BTreeMap::new();
    let mut written = Vec::with_capacity(letters.len());
    for letter in letters {
        let sender = sender_name(letter.tenant);
        let waiting = installation.mailer.outbox.as_ref().map_or(0, |outbox| outbox.waiting_of(&sender));
        let room = room.entry(sender).or_insert_with(|| AHEAD.saturating_sub(waiting));
        if *room == 0 {
            continue;
        }
        *room -= 1;
        let id = letter.id.clone();
        match write_one(installation, letter).await {
            Ok(()) => {}
            // The tenant is being erased.
            Err(error) if error.kind() == Kind::NotFound => {}
            Err(error) if error.kind() == Kind::Malformed => {
                tracing::error!(letter = id, error = ?error, "a letter cannot be written and is given up");
            }
            Err(error) => {
                // What is written is noted first.
                tracing::error!(letter = id, error = ?error, "a letter could not be written and will be tried again");
                break;
            }
        }
        written.push(id);
    }
    Ok(written)
}

async fn write_one(installation: &Installation, letter: PostedLetter) -> Result<()> {
    let content: Content = serde_json::from_str(&letter.content)?;
    if matches!(content, Content::InvoicePaid { .. }) && !installation.config.mail_paid_invoices {
        return Ok(());
    }
    let about = letter.tenant;
    let addresses = addresses(installation, &letter).await?;
    for (number, to) in addresses.into_iter().enumerate() {
        let name = file_name(letter.posted_at, about, &format!("{}-{number}", letter.id));
        let letter = Letter { to, content: content.clone(), about };
        installation.mailer.write(&installation.tenancy, letter, name, installation.clock.now()).await?;
    }
    Ok(())
}

async fn addresses(installation: &Installation, letter: &PostedLetter) -> Result<Vec<String>> {
    let (recipient, tenant) = (letter.recipient.clone(), letter.tenant);
    let roles = installation.app().roles.clone();
    installation
        .catalog
        .read(move |tx| match (&recipient, tenant) {
            (Recipient::Address(address), _) => Ok(vec![address.clone()]),
            (Recipient::Identity(id), _) => {
                let found = tx.find_identity(*id)?.map(|identity| identity.email);
                Ok(found.filter(|email| !email.is_empty()).into_iter().collect())
            }
            (_, None) => Ok(Vec::new()),
            (_, Some(tenant)) => people(&tx.of(tenant), &roles, &recipient),
        })
        .await
}

fn people(of: &OfTenant<'_>, roles: &Roles, recipient: &Recipient) -> Result<Vec<String>> {
    let roles = of.roles(roles)?;
    let members = of.list_members(None, 500)?.into_iter();
    let told = members.filter(|member| {
        let may = |permission| roles.permissions(&member.role).has(permission);
        let is_concerned = match recipient {
            Recipient::Money => may(Permission::BillingManage),
            Recipient::Billing => may(Permission::BillingRead),
            _ => false,
        };
        member.status == "active" && (member.role == OWNER || is_concerned)
    });
    Ok(told.filter_map(|member| member.email).take(MOST_PEOPLE).collect())
}

/// Posts letters about trials that end soon.
///
/// # Errors
/// As the catalog says.
pub async fn tell_of_trials(installation: &Installation) -> Result<()> {
    let until = installation.clock.now().plus(BEFORE_TRIAL_ENDS);
    let ending = installation.catalog.read(move |tx| tx.list_trials_to_tell(until, TRIALS)).await?;
    if ending.is_empty() {
        return Ok(());
    }
    let write = installation.catalog.write("tell_of_trials", move |tx| {
        for (tenant, plan, end) in &ending {
            tell_that_trial_ends(&tx.of(*tenant), plan, *end)?;
        }
        Ok(())
    });
    write.await
}

/// Posts the letter that a trial ends.
pub(in crate::service) fn tell_that_trial_ends(of: &OfTenant<'_>, plan: &str, end: Timestamp) -> Result<()> {
    let tenant = of.tenant()?;
    let fact = format!("trial_ends {} {}", tenant.id, end.0);
    let content = Content::TrialEnds { tenant: tenant.name, plan: plan.to_owned(), ends_on: on_day(end) };
    of.post(&fact, &Recipient::Money, &content)
}

/// Forgets what was told long ago.
///
/// # Errors
/// As the catalog says.
pub async fn sweep_posted(installation: &Installation) -> Result<()> {
    let before = installation.clock.now().plus(-REMEMBERED);
    if !installation.catalog.read(move |tx| tx.has_written_letters(before)).await? {
        return Ok(());
    }
    installation.catalog.write("forget_letters", move |tx| tx.delete_written_letters(before)).await
}
