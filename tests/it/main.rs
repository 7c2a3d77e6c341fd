//! The contract of the HTTP surface and the command line, held against the real binary over loopback.
//!
//! `harness` starts and ends servers, speaks HTTP and checks on every single answer what holds for all of them; the
//! other modules each take one capability. Every test has an installation of its own and stops it at the end, when the
//! log is searched for each secret that went over the wire.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure here is a failed test")]
#![allow(
    clippy::disallowed_methods,
    reason = "deadlines and the environment of the child are the test's own, not the product's"
)]

mod harness;

mod account_end;
mod api_keys;
mod asvs;
mod at_once;
mod audit;
mod audited_routes;
mod backups;
mod checkpoints;
mod clones;
mod command_line;
mod connections;
mod conventions;
mod cookies;
mod demo;
mod devices;
mod doctor;
mod durability;
mod emails;
mod enumeration;
mod erasure;
mod export;
mod feed;
mod files;
mod fleet;
mod fleet_query;
mod front_end;
mod imports;
mod invitations;
mod invoices;
mod jobs;
mod jwt;
mod keys;
mod lifecycle;
mod limits_of_rate;
mod mail;
mod mail_tls;
mod matrix;
mod migrations;
mod moves;
mod openapi;
mod operator_settings;
mod owners;
mod password_change;
mod passwords;
mod patterns;
mod permissions;
mod plans;
mod queries;
mod refresh;
mod repeats;
mod revocation;
mod role_table;
mod roles;
mod rollback;
mod schedules;
mod schemas;
mod seats;
mod second_factor;
mod secrets;
mod selectors;
mod service_identities;
mod sessions;
mod shedding;
mod sign_in_log;
mod sign_in_measures;
mod sign_up_by_mail;
mod sign_up_modes;
mod sql;
mod step_up;
mod stripe;
mod telemetry;
mod tenant_bounds;
mod tenant_files;
mod tenant_roles;
mod throttling;
mod two_tenants;
mod usage;
mod volumes_and_clones;
mod webhooks;
mod writes;
