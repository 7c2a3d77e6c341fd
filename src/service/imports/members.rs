//! members.csv of an export: who was there, and who of them that is here.

use crate::catalog::{CatalogTx, Identity};
use crate::error::Result;
use crate::id::IdentityId;
use crate::model::Email;
use crate::model::import::ImportedMember;
use crate::policy::Roles;
use crate::tenancy::import_refused;
use std::collections::BTreeMap;
use std::path::Path;

/// People of one export.
const MOST: usize = 100_000;

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct ExportedMember {
    /// The id there.
    id: String,
    pub(super) email: Email,
    name: String,
    pub(super) role: String,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct ExportedMembers {
    pub(super) people: Vec<ExportedMember>,
    /// Programs, and lines without an address.
    pub(super) others: u64,
}

/// Reads members.csv.
pub(super) fn read(path: &Path) -> Result<ExportedMembers> {
    let wrong = |error: csv::Error| import_refused(format!("members.csv cannot be read: {error}"));
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_path(path)?;
    let headers = reader.headers().map_err(wrong)?.clone();
    let at = |name: &str| headers.iter().position(|header| header == name);
    let (Some(id), Some(kind), Some(email), Some(name), Some(role)) =
        (at("identity_id"), at("kind"), at("email"), at("name"), at("role"))
    else {
        return Err(import_refused("members.csv has other columns than an export writes"));
    };
    let mut all = ExportedMembers::default();
    for record in reader.records() {
        let record = record.map_err(wrong)?;
        let cell = |index: usize| record.get(index).unwrap_or_default();
        match (IdentityId::parse(cell(id)), Email::parse(cell(email))) {
            (Some(there), Ok(address)) if cell(kind) == "person" => {
                if all.people.len() >= MOST {
                    return Err(import_refused(format!("members.csv has more than {MOST} lines")));
                }
                let cut = |text: &str| text.chars().take(200).collect();
                let (name, role) = (cut(cell(name)), cut(cell(role)));
                all.people.push(ExportedMember { id: there.to_string(), email: address, name, role });
            }
            _ => all.others += 1,
        }
    }
    Ok(all)
}

/// Who of them is who here: the importer by an address that is verified, and for operators everybody whose address is.
pub(super) fn owners(
    tx: &CatalogTx<'_>,
    members: &ExportedMembers,
    importer: &Identity,
    knows_all: bool,
) -> Result<BTreeMap<String, String>> {
    let mut owners = BTreeMap::new();
    for person in &members.people {
        let here = if person.email.as_str() == importer.email {
            Some(importer.clone())
        } else if knows_all {
            tx.find_identity_by_email(&person.email)?
        } else {
            None
        };
        if let Some(here) = here.filter(|here| here.email_verified || knows_all && here.id == importer.id) {
            owners.insert(person.id.clone(), here.id.to_string());
        }
    }
    Ok(owners)
}

/// How the first of them are shown.
pub(super) fn shown(
    tx: &CatalogTx<'_>,
    members: &ExportedMembers,
    importer: &Identity,
    knows_all: bool,
) -> Result<Vec<ImportedMember>> {
    let first = members.people.iter().take(1_000);
    first
        .map(|person| {
            let known =
                if knows_all { Some(tx.find_identity_by_email(&person.email)?.is_some()) } else { None };
            Ok(ImportedMember {
                email: person.email.as_str().to_owned(),
                name: person.name.clone(),
                role: person.role.clone(),
                you: person.email.as_str() == importer.email,
                known,
            })
        })
        .collect()
}

/// Whom to invite, and to what: everybody but the importer whose role there is here.
pub(super) fn to_invite(
    members: &ExportedMembers,
    importer: &Identity,
    roles: &Roles,
) -> Vec<ExportedMember> {
    let others = members.people.iter().filter(|person| person.email.as_str() != importer.email);
    others.filter(|person| roles.is_known(&person.role)).cloned().collect()
}
