//! Letters that tell of what was done. The act posts them in its own transaction, so that none is lost and none tells of
//! what was rolled back; here they become files, tenant by tenant in turn. Between the two a crash may send one twice; a
//! letter to several that could not be written to all of them goes to the others alone when it is tried again.

use super::{Letter, UNWRITABLE, file_name, sender_name};
use crate::catalog::{LetterOutcome, OfTenant, PostedLetter};
use crate::clock::{DAY, HOUR, SECOND, Timestamp};
use crate::error::{Kind, Result};
use crate::model::hex::hex;
use crate::model::letter::{Content, Recipient};
use crate::policy::{OWNER, Permission, Roles};
use crate::service::Installation;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// Tenants that have a turn at once, and letters that each may have written in it.
const SENDERS: u32 = 64;
const EACH: u32 = 8;
/// Letters of one tenant that wait for the mail server; those behind them wait in the catalog.
const AHEAD: usize = 200;
/// People whom one letter about a tenant is sent to at most.
pub(in crate::service) const MOST_PEOPLE: u32 = 50;
/// The wait after a letter could not be written; each further failure doubles it.
const FIRST_WAIT: i64 = 30 * SECOND;
const LONGEST_WAIT: i64 = HOUR;
/// For so long, and at least so often, writing a letter is tried.
const LIFETIME: i64 = 2 * DAY;
const LEAST_ATTEMPTS: u32 = 10;
/// Bytes of what stands for an address.
const MARK: usize = 8;
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
        let outcomes = write_all(installation, letters).await;
        if !outcomes.is_empty() {
            // Those behind them have their turn.
            has_written |=
                outcomes.iter().any(|(_, outcome)| !matches!(outcome, LetterOutcome::Later { .. }));
            installation.catalog.write("note_letters", move |tx| tx.note_letters(&outcomes)).await?;
        }
        match last {
            Some(_) => after = last,
            None if has_written => (after, has_written) = (None, false),
            None => return Ok(()),
        }
    }
}

/// Tries each letter, and says what became of it: none holds up those behind it.
async fn write_all(installation: &Installation, letters: Vec<PostedLetter>) -> Vec<(String, LetterOutcome)> {
    let mut room: BTreeMap<String, usize> = BTreeMap::new();
    let mut outcomes = Vec::with_capacity(letters.len());
    for letter in letters {
        let sender = sender_name(letter.tenant);
        let waiting = installation.mailer.outbox.as_ref().map_or(0, |outbox| outbox.waiting_of(&sender));
        let room = room.entry(sender).or_insert_with(|| AHEAD.saturating_sub(waiting));
        if *room == 0 {
            continue;
        }
        *room -= 1;
        let id = letter.id.clone();
        outcomes.push((id, write_or_put_off(installation, &letter).await));
    }
    outcomes
}

async fn write_or_put_off(installation: &Installation, letter: &PostedLetter) -> LetterOutcome {
    let id = letter.id.as_str();
    let content = match serde_json::from_str::<Content>(&letter.content) {
        Ok(content) => content,
        // Nothing of what is in it is logged.
        Err(error) => {
            let kind = error.classify();
            tracing::error!(
                letter = id,
                ?kind,
                "a letter cannot be read, as one of another version, and is given up"
            );
            return LetterOutcome::GivenUp("unreadable");
        }
    };
    let mut told = letter.told.clone();
    let error = match write_one(installation, letter, content, &mut told).await {
        Ok(()) => return LetterOutcome::Written,
        // The tenant is being erased.
        Err(error) if error.kind() == Kind::NotFound => return LetterOutcome::Written,
        Err(error) => error,
    };
    if error.kind() == Kind::Malformed {
        tracing::error!(letter = id, error = ?error, "a letter cannot be written and is given up");
        return LetterOutcome::GivenUp("malformed");
    }
    let (now, attempts) = (installation.clock.now(), letter.attempts.saturating_add(1));
    if now.since(letter.posted_at) >= LIFETIME && attempts >= LEAST_ATTEMPTS {
        tracing::error!(letter = id, attempts, error = ?error, "a letter could not be written in two days and is given up");
        return LetterOutcome::GivenUp("not written in two days");
    }
    tracing::error!(letter = id, attempts, error = ?error, "a letter could not be written and will be tried again");
    LetterOutcome::Later { at: now.plus(wait_after(letter.attempts)), told }
}

fn wait_after(failures: u32) -> i64 {
    (FIRST_WAIT << failures.min(16)).min(LONGEST_WAIT)
}

/// What stands for an address where it is noted who was told.
fn mark_of(address: &str) -> String {
    hex(&Sha256::digest(address.as_bytes())[..MARK])
}

/// Writes a letter to all who were not `told`, and notes those who are now.
async fn write_one(
    installation: &Installation,
    letter: &PostedLetter,
    content: Content,
    told: &mut Vec<String>,
) -> Result<()> {
    if matches!(content, Content::InvoicePaid { .. }) && !installation.config.mail_paid_invoices {
        return Ok(());
    }
    let about = letter.tenant;
    let addresses = addresses(installation, letter).await?;
    if addresses.is_empty() {
        tracing::warn!(
            letter = letter.id,
            tenant_id = about.map(|id| id.to_string()),
            "a letter has nobody to go to: no active member with an address is concerned"
        );
    }
    for to in addresses {
        let mark = mark_of(&to);
        if told.contains(&mark) {
            continue;
        }
        // Whoever else is concerned meanwhile: it is the same file for the same person.
        let name = file_name(letter.posted_at, about, &format!("{}-{mark}", letter.id));
        let one = Letter { to, content: content.clone(), about };
        let written = installation.mailer.write(&installation.tenancy, one, name, installation.clock.now());
        match written.await {
            // The others have addresses that can be written.
            Err(error) if error.code() == UNWRITABLE => {
                tracing::error!(letter = letter.id, "an address cannot be written in a mail");
            }
            other => other?,
        }
        told.push(mark);
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
    let needed = match recipient {
        Recipient::Money => Some(Permission::BillingManage),
        Recipient::Billing => Some(Permission::BillingRead),
        _ => None,
    };
    let roles = of.roles(roles)?;
    let is_told =
        |role: &&str| *role == OWNER || needed.is_some_and(|needed| roles.permissions(role).has(needed));
    let told: Vec<&str> = roles.names().filter(is_told).collect();
    let people = of.list_people_in_roles(&told, MOST_PEOPLE)?;
    Ok(people.into_iter().map(|(_, email)| email).collect())
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
