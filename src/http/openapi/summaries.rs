//! What each route is for, beside the table of routes: a name, a sentence, and what goes in and comes out.
//!
//! A route that is not here is in the document all the same, without schemas; a line here without a route fails a test.

/// What is said of one route.
pub(super) struct Summary {
    pub(super) method: &'static str,
    /// Below `/api/v1`.
    pub(super) path: &'static str,
    /// Its name in generated code.
    pub(super) id: &'static str,
    pub(super) text: &'static str,
    /// The schema of its body, `-` where it takes none; with `?` it may be left out.
    pub(super) takes: &'static str,
    /// The status of success.
    pub(super) status: u16,
    /// The schema of its answer; `[X]` is a page of them, `-` none, anything with a slash a media type.
    pub(super) gives: &'static str,
}

macro_rules! summaries {
    ($($method:ident $path:literal $id:ident $text:literal $takes:literal -> $status:literal $gives:literal;)*) => {
        /// All of them.
        pub(super) const SUMMARIES: &[Summary] = &[$(Summary {
            method: stringify!($method), path: $path, id: stringify!($id), text: $text, takes: $takes, status: $status,
            gives: $gives,
        }),*];
    };
}

summaries! {
    GET "/auth/sign-up" getSignUpMode "Who may sign up: open, invited, domains or closed" "-" -> 200 "SignUpMode";
    POST "/auth/sign-up" signUp "Sign up, with a tenant of one's own or without" "SignUp" -> 201 "SignedUp";
    POST "/auth/sign-in" signIn "Sign in, or on to the second step" "SignIn" -> 200 "SignInStep";
    POST "/auth/mfa" signInWithCode "The second step of a sign-in" "SecondStep" -> 200 "Tokens";
    POST "/auth/totp/enroll" enrollTotp "Begin to set a second factor up" "-" -> 200 "Enrolment";
    POST "/auth/totp/confirm" confirmTotp "The first code; the second factor counts from now on" "Code" -> 200 "RecoveryCodes";
    POST "/auth/totp/recovery-codes" renewRecoveryCodes "New recovery codes in the place of the old ones" "Code" -> 200 "RecoveryCodes";
    DELETE "/auth/totp" removeTotp "Remove the second factor" "Code" -> 204 "-";
    POST "/auth/refresh" refresh "The next access token" "Refresh" -> 200 "Tokens";
    POST "/auth/sign-out" signOut "End this session" "-" -> 204 "-";
    POST "/auth/sign-out-everywhere" signOutEverywhere "End all sessions" "-" -> 204 "-";
    GET "/auth/sessions" listSessions "My sessions" "-" -> 200 "[Session]";
    DELETE "/auth/sessions/{session}" revokeSession "End a session" "-" -> 204 "-";
    POST "/auth/step-up" stepUp "Show again who one is; counts for ten minutes" "StepUp" -> 204 "-";
    POST "/auth/password/change" changePassword "Change my password; all other sessions end" "PasswordChange" -> 204 "-";
    POST "/auth/password/forgot" forgetPassword "Have a link for a new password mailed, if there is such an account" "Address" -> 202 "-";
    POST "/auth/password/reset" resetPassword "Set a new password by the token of a letter; all sessions end" "PasswordReset" -> 204 "-";
    POST "/auth/email/verify" verifyEmail "Show by the token of a letter that its address is read: the account's, or the one it changes to" "Token" -> 204 "-";
    POST "/auth/email/resend" resendVerification "Have a letter mailed that shows that my address is read" "-" -> 202 "-";
    POST "/auth/email/change" changeEmail "Change my address, once the new one has confirmed" "EmailChange" -> 202 "-";
    GET "/me" getMe "Who I am, and of what I am a member" "-" -> 200 "Me";
    PATCH "/me" changeMe "Change my name" "MeChange" -> 200 "Me";
    DELETE "/me" deleteMe "Delete my account" "PasswordProof" -> 204 "-";
    POST "/tenants" createTenant "Make a tenant; the caller becomes its owner" "NewTenant" -> 201 "Tenant";
    GET "/tenants" listTenants "My tenants" "-" -> 200 "[Tenant]";
    GET "/tenants/{tenant}" getTenant "The tenant" "-" -> 200 "Tenant";
    PATCH "/tenants/{tenant}" changeTenant "Change name, slug, time zone or settings" "TenantChange" -> 200 "Tenant";
    POST "/tenants/{tenant}/close" closeTenant "Close the tenant: read-only now, erased when the grace period ends" "Confirmation" -> 202 "Tenant";
    POST "/tenants/{tenant}/reopen" reopenTenant "Take a closing back" "-" -> 200 "Tenant";
    GET "/tenants/{tenant}/members" listMembers "Members" "-" -> 200 "[Member]";
    PATCH "/tenants/{tenant}/members/{identity}" changeRole "Give a member another role" "Role" -> 200 "Member";
    DELETE "/tenants/{tenant}/members/{identity}" removeMember "Remove a member, or leave" "-" -> 204 "-";
    POST "/tenants/{tenant}/ownership-transfer" transferOwnership "Hand the tenant to another member" "Transfer" -> 200 "Member";
    POST "/tenants/{tenant}/invitations" invite "Offer a role by mail" "NewInvitation" -> 201 "Invitation";
    GET "/tenants/{tenant}/invitations" listInvitations "Open invitations" "-" -> 200 "[Invitation]";
    DELETE "/tenants/{tenant}/invitations/{invitation}" revokeInvitation "Take an invitation back" "-" -> 204 "-";
    GET "/tenants/{tenant}/roles" listRoles "Roles that members can have" "-" -> 200 "[RoleDefinition]";
    POST "/tenants/{tenant}/roles" createRole "Define a role, with no more than one's own permissions" "NewRole" -> 201 "RoleDefinition";
    GET "/tenants/{tenant}/roles/{role}" getRole "One role" "-" -> 200 "RoleDefinition";
    PATCH "/tenants/{tenant}/roles/{role}" changeRolePermissions "Change what a role may do" "RoleChange" -> 200 "RoleDefinition";
    DELETE "/tenants/{tenant}/roles/{role}" deleteRole "Remove a role that nobody has" "-" -> 204 "-";
    POST "/tenants/{tenant}/service-identities" createServiceIdentity "Add a member that is a program" "NewServiceIdentity" -> 201 "Member";
    POST "/tenants/{tenant}/api-keys" createApiKey "Make an API key, which is told once" "NewApiKey" -> 201 "CreatedApiKey";
    GET "/tenants/{tenant}/api-keys" listApiKeys "API keys" "-" -> 200 "[ApiKey]";
    DELETE "/tenants/{tenant}/api-keys/{key}" deleteApiKey "End an API key" "-" -> 204 "-";
    POST "/invitations/accept" acceptInvitation "Accept the invitation of a letter" "Token" -> 200 "Membership";
    GET "/tenants/{tenant}/tables" listTables "Tables, their columns, and what one may do with them" "-" -> 200 "[TableDescription]";
    GET "/tenants/{tenant}/records/{table}" listRecords "Records of a table; the tenant's own document names the parameters" "-" -> 200 "[Record]";
    POST "/tenants/{tenant}/records/{table}" createRecords "Create a record, or an array of them" "Records" -> 201 "Record";
    GET "/tenants/{tenant}/records/{table}/{id}" getRecord "Read a record" "-" -> 200 "Record";
    PUT "/tenants/{tenant}/records/{table}/{id}" putRecord "Change fields of a record, or create it" "Record" -> 200 "Record";
    PATCH "/tenants/{tenant}/records/{table}/{id}" changeRecord "Change fields of a record" "Record" -> 200 "Record";
    DELETE "/tenants/{tenant}/records/{table}/{id}" deleteRecord "Delete a record" "-" -> 204 "-";
    GET "/tenants/{tenant}/records/{table}/{id}/history" listHistory "What became of a record" "-" -> 200 "[RecordChange]";
    POST "/tenants/{tenant}/batch" writeBatch "Several writes in one transaction" "Batch" -> 200 "BatchDone";
    POST "/tenants/{tenant}/sql" runSql "One SQL statement that reads" "Sql" -> 200 "SqlResult";
    GET "/tenants/{tenant}/changes" listChanges "Every committed change, in pages or as a stream" "-" -> 200 "Changes";
    GET "/tenants/{tenant}/files" listFiles "Files" "-" -> 200 "[StoredFile]";
    GET "/tenants/{tenant}/files/{path}" getFile "Read a file" "-" -> 200 "*/*";
    PUT "/tenants/{tenant}/files/{path}" putFile "Store a file" "application/octet-stream" -> 201 "StoredFile";
    DELETE "/tenants/{tenant}/files/{path}" deleteFile "Remove a file" "-" -> 204 "-";
    POST "/imports" importTenant "Make a tenant of an export, or look at what is in it" "multipart/form-data" -> 202 "Import";
    GET "/imports" listImports "My imports, newest first" "-" -> 200 "[Import]";
    GET "/imports/{import}" getImport "How far an import is, and what is in it" "-" -> 200 "Import";
    POST "/imports/{import}/apply" applyImport "Make a tenant of an import that was previewed" "ImportApplied" -> 202 "Import";
    DELETE "/imports/{import}" deleteImport "Give an import up" "-" -> 204 "-";
    POST "/tenants/{tenant}/exports" requestExport "Ask for an export of everything" "-" -> 202 "Export";
    GET "/tenants/{tenant}/exports" listExports "Exports, newest first" "-" -> 200 "[Export]";
    GET "/tenants/{tenant}/exports/{export}" getExport "How far an export is" "-" -> 200 "Export";
    GET "/tenants/{tenant}/exports/{export}/download" downloadExport "The zip file" "-" -> 200 "application/zip";
    GET "/tenants/{tenant}/audit" listAudit "The audit log, newest first; also as CSV and NDJSON" "-" -> 200 "[AuditEntry]";
    GET "/tenants/{tenant}/subscription" getSubscription "On which plan the tenant is, and until when" "-" -> 200 "Subscription";
    PUT "/tenants/{tenant}/subscription" changeSubscription "Move to the newest version of a plan, now or at the end of the period" "SubscriptionChange" -> 200 "Subscription";
    DELETE "/tenants/{tenant}/subscription/scheduled-change" cancelScheduledChange "Take back a change that was asked for the end of the period" "-" -> 204 "-";
    POST "/tenants/{tenant}/billing/checkout" beginCheckout "Where a plan is paid at Stripe" "Checkout" -> 200 "BillingPage";
    POST "/tenants/{tenant}/billing/portal" openBillingPortal "Where the tenant manages at Stripe what it pays" "-" -> 200 "BillingPage";
    GET "/tenants/{tenant}/billing/details" getBillingDetails "Whom invoices are addressed to" "-" -> 200 "BillingDetails";
    PUT "/tenants/{tenant}/billing/details" putBillingDetails "Address invoices to somebody from now on; those that are final stay" "BillingDetailsIn" -> 200 "BillingDetails";
    POST "/tenants/{tenant}/usage-events" sendUsageEvents "Send a usage event, or an array of up to 1,000, each taken or refused by itself" "NewUsageEvents" -> 201 "UsageEventTaken";
    GET "/tenants/{tenant}/usage-events" listUsageEvents "Usage events, in their order" "-" -> 200 "[UsageEvent]";
    GET "/tenants/{tenant}/usage-events/{seq}" getUsageEvent "One usage event, and whether it was taken back" "-" -> 200 "UsageEvent";
    POST "/tenants/{tenant}/usage-events/{seq}/void" voidUsageEvent "Take a usage event back that one has sent" "-" -> 201 "UsageEventVoided";
    GET "/tenants/{tenant}/usage" getUsage "What usage comes to, by meter and hour, day or month" "-" -> 200 "[UsageSum]";
    GET "/tenants/{tenant}/meters" listMeters "What is counted" "-" -> 200 "[Meter]";
    GET "/tenants/{tenant}/limits" getLimits "How much of each limit is used, and what usage costs so far" "-" -> 200 "Limits";
    PATCH "/tenants/{tenant}/limits" setSpendCap "Set what usage may cost in a period" "SpendCap" -> 200 "Limits";
    POST "/tenants/{tenant}/jobs" enqueueJob "Have work done behind the answer; with the idempotency_key of a job that is there, that one" "NewJob" -> 202 "WholeJob";
    GET "/tenants/{tenant}/jobs" listJobs "Jobs, newest first" "-" -> 200 "[Job]";
    GET "/tenants/{tenant}/jobs/{job}" getJob "One job, with payload and result" "-" -> 200 "WholeJob";
    POST "/tenants/{tenant}/jobs/{job}/cancel" cancelJob "End a job that is not over" "-" -> 200 "WholeJob";
    POST "/tenants/{tenant}/jobs/{job}/retry" retryJob "Put a job that is dead or cancelled back into the queue" "-" -> 202 "WholeJob";
    POST "/tenants/{tenant}/webhook-endpoints" createWebhookEndpoint "Have events sent somewhere; the secret that signs them is told once" "NewWebhookEndpoint" -> 201 "WebhookEndpointWithSecret";
    GET "/tenants/{tenant}/webhook-endpoints" listWebhookEndpoints "Endpoints of webhooks" "-" -> 200 "[WebhookEndpoint]";
    GET "/tenants/{tenant}/webhook-endpoints/{endpoint}" getWebhookEndpoint "One endpoint" "-" -> 200 "WebhookEndpoint";
    PATCH "/tenants/{tenant}/webhook-endpoints/{endpoint}" changeWebhookEndpoint "Change, disable or enable an endpoint" "WebhookEndpointChange" -> 200 "WebhookEndpoint";
    DELETE "/tenants/{tenant}/webhook-endpoints/{endpoint}" deleteWebhookEndpoint "Remove an endpoint with its deliveries" "-" -> 204 "-";
    POST "/tenants/{tenant}/webhook-endpoints/{endpoint}/rotate-secret" rotateWebhookSecret "Another secret, told once; the one before signs beside it for a day" "-" -> 200 "WebhookEndpointWithSecret";
    POST "/tenants/{tenant}/webhook-endpoints/{endpoint}/test" testWebhookEndpoint "Send an event that means nothing" "-" -> 202 "WebhookDelivery";
    GET "/tenants/{tenant}/webhook-endpoints/{endpoint}/deliveries" listWebhookDeliveries "What was sent or is on its way, newest first" "-" -> 200 "[WebhookDelivery]";
    GET "/tenants/{tenant}/webhook-endpoints/{endpoint}/deliveries/{delivery}" getWebhookDelivery "One delivery, with what is sent and the attempts at it" "-" -> 200 "WholeWebhookDelivery";
    POST "/tenants/{tenant}/webhook-endpoints/{endpoint}/deliveries/{delivery}/replay" replayWebhookDelivery "Send a delivery again" "-" -> 202 "WebhookDelivery";
    POST "/jobs/{job}/complete" completeJob "For a handler that works on after its answer: how far it is, or what came of it" "JobCompletion" -> 200 "JobCompleted";
    POST "/tenants/{tenant}/schedules" createSchedule "Have work done again and again, by the clock of a time zone" "NewSchedule" -> 201 "WholeSchedule";
    GET "/tenants/{tenant}/schedules" listSchedules "Schedules, the oldest first" "-" -> 200 "[Schedule]";
    GET "/tenants/{tenant}/schedules/{schedule}" getSchedule "One schedule, with its next runs" "-" -> 200 "WholeSchedule";
    PATCH "/tenants/{tenant}/schedules/{schedule}" changeSchedule "Change or pause a schedule" "ScheduleChange" -> 200 "WholeSchedule";
    DELETE "/tenants/{tenant}/schedules/{schedule}" deleteSchedule "End a schedule; jobs that it enqueued stay" "-" -> 204 "-";
    GET "/plans" listPlans "Plans that a tenant may choose" "-" -> 200 "[OfferedPlan]";
    GET "/tenants/{tenant}/openapi.json" getTenantDocument "The OpenAPI document of the tenant's tables, for the caller's role" "-" -> 200 "Document";
    GET "/openapi.json" getDocument "This document" "-" -> 200 "Document";
    POST "/setup" setUp "Make the first operator" "SetUp" -> 201 "Identity";
    GET "/operator/tenants" operatorListTenants "All tenants, with what each did in the last quarter of an hour" "-" -> 200 "[FleetTenant]";
    GET "/operator/tenants/{selector}" operatorGetTenant "One tenant, whatever its status" "-" -> 200 "OperatorTenant";
    GET "/operator/tenants/{selector}/limits" operatorGetLimits "How much of each of a tenant's limits is used, and what usage costs so far" "-" -> 200 "Limits";
    GET "/operator/tenants/{selector}/subscription" operatorGetSubscription "On which plan a tenant is, and until when" "-" -> 200 "Subscription";
    POST "/operator/tenants/{selector}/suspend" operatorSuspend "Make a tenant read-only" "-" -> 200 "OperatorTenant";
    POST "/operator/tenants/{selector}/resume" operatorResume "Take a suspension back" "-" -> 200 "OperatorTenant";
    POST "/operator/tenants/{selector}/close" operatorClose "Close a tenant; with stripe_customer its customer at Stripe is deleted when it is erased" "Closing?" -> 202 "OperatorTenant";
    POST "/operator/tenants/{selector}/erase" operatorErase "Erase a tenant now; with stripe_customer also its customer at Stripe" "Erasing" -> 200 "Receipt";
    POST "/operator/sessions/end" operatorEndSessions "End all sessions of an account, or everybody's" "SessionsToEnd" -> 200 "SessionsEnded";
    POST "/operator/query" operatorQuery "One SQL statement that reads, over many tenants and within a budget; it is written into the audit log of each" "FleetQuery" -> 200 "FleetQueryResult";
    GET "/operator/audit" operatorListAudit "The installation's audit log, newest first; also as CSV and NDJSON" "-" -> 200 "[AuditEntry]";
    GET "/operator/plans" operatorListPlans "All plans, each in its newest version" "-" -> 200 "[PublishedPlan]";
    GET "/operator/plans/{key}" operatorGetPlan "A plan and its versions" "-" -> 200 "PublishedPlan";
    PUT "/operator/plans/{key}" operatorPutPlan "Publish another version of a plan, or its first" "PlanIn" -> 200 "PublishedPlan";
    GET "/tenants/{tenant}/invoices" listInvoices "Invoices, the newest first" "-" -> 200 "[Invoice]";
    GET "/tenants/{tenant}/invoices/{invoice}" getInvoice "An invoice; as CSV with its lines, or as a page to print, by Accept" "-" -> 200 "Invoice";
    POST "/operator/periods/close" operatorClosePeriods "Bill service periods that are over, without waiting for what may come late" "PeriodsToClose" -> 200 "PeriodsClosed";
    POST "/operator/invoices/{invoice}/mark-paid" operatorMarkPaid "A final invoice was paid" "-" -> 200 "Invoice";
    POST "/operator/invoices/{invoice}/void" operatorVoidInvoice "A final invoice was issued by mistake" "-" -> 200 "Invoice";
    POST "/operator/invoices/{invoice}/mark-uncollectible" operatorGiveUpInvoice "Nobody expects a final invoice to be paid any more" "-" -> 200 "Invoice";
    POST "/operator/invoices/{invoice}/credit-notes" operatorCreditInvoice "Take something back of a final invoice" "CreditNoteIn" -> 201 "CreditNote";
    POST "/operator/tenants/{selector}/usage-events/{seq}/void" operatorVoidUsageEvent "Take a usage event back, whoever sent it" "-" -> 201 "UsageEventVoided";
    GET "/operator/tenants/{selector}/audit" operatorListAuditOfTenant "A tenant's audit log, newest first; also as CSV and NDJSON" "-" -> 200 "[AuditEntry]";
    GET "/operator/tenants/{selector}/invoices" operatorListInvoices "Invoices of a tenant, newest first; also as CSV" "-" -> 200 "[Invoice]";
    GET "/operator/tenants/{selector}/invoices/{invoice}" operatorGetInvoice "One invoice of a tenant; also as CSV and as a page" "-" -> 200 "Invoice";
    GET "/operator/tenants/{selector}/tax-rate" operatorGetTaxRate "What tax is levied on a tenant's invoices" "-" -> 200 "TaxRate";
    GET "/operator/tenants/{selector}/billing/details" operatorGetBillingDetails "Whom a tenant's invoices are addressed to" "-" -> 200 "BillingDetails";
    PUT "/operator/tenants/{selector}/billing/details" operatorPutBillingDetails "Address a tenant's invoices to somebody from now on; those that are final stay" "BillingDetailsIn" -> 200 "BillingDetails";
    PUT "/operator/tenants/{selector}/tax-rate" operatorPutTaxRate "Levy another tax on invoices from now on, or none" "TaxRate" -> 200 "TaxRate";
    PUT "/operator/tenants/{selector}/subscription" operatorAssignPlan "Move a tenant to any plan" "SubscriptionChange" -> 200 "Subscription";
    GET "/operator/stripe-events" operatorListStripeEvents "Events of Stripe, newest first: what each changed, or why not" "-" -> 200 "[StripeEvent]";
    POST "/operator/stripe-events/{event}/replay" operatorReplayStripeEvent "Have an event of Stripe looked at again" "-" -> 202 "StripeEvent";
    GET "/operator/stripe-statements" operatorListHeldStatements "Statements that Stripe did not take so far, and why" "-" -> 200 "[HeldStatement]";
    POST "/operator/stripe-statements/{invoice}/retry" operatorRetryStatement "Have a statement sent to Stripe again" "-" -> 202 "HeldStatement";
    GET "/operator/stripe-drift" operatorGetStripeDrift "Where Stripe and the catalog differed when that was last looked at" "-" -> 200 "StripeDrift";
    POST "/operator/stripe-drift/repair" operatorRepairStripeDrift "Look for drift now and let Stripe's word count" "-" -> 200 "StripeDrift";
    GET "/operator/mailbox" operatorListLetters "Letters that no mail server took, newest first" "-" -> 200 "[KeptLetter]";
    GET "/operator/mailbox/{letter}" operatorOpenLetter "One of them: text, HTML and headers; also as a page" "-" -> 200 "OpenedLetter";
    GET "/operator/jobs" operatorListTenantsWithJobs "Tenants that may have jobs, and how many each has" "-" -> 200 "[TenantJobs]";
    GET "/operator/tenants/{selector}/jobs" operatorListJobs "Jobs of a tenant, newest first" "-" -> 200 "[Job]";
    POST "/operator/tenants/{selector}/jobs/release" operatorReleaseJobs "Let jobs of a restored or cloned file run" "-" -> 200 "JobsReleased";
    GET "/operator/overview" operatorGetOverview "Who is slow, failing, refused, busy or near limits, by the last quarter of an hour" "-" -> 200 "Overview";
    GET "/operator/doctor" operatorDiagnose "What is wrong with the installation, and what to do about it" "-" -> 200 "Diagnosis";
    GET "/operator/settings" operatorListSettings "Settings, where each comes from and what it means; of secrets only that they are set" "-" -> 200 "[Setting]";
    GET "/operator/slow-queries" operatorListSlowQueries "Statements that took long since the start, by their shape and tenant" "-" -> 200 "[SlowQuery]";
    GET "/operator/tenants/{selector}/telemetry" operatorGetTelemetry "Requests, latency, database time and jobs of a tenant by minutes, hours or days" "-" -> 200 "Telemetry";
    GET "/operator/margins" operatorListMargins "What each tenant brings in and costs in a month" "-" -> 200 "[Margin]";
    GET "/operator/margins/totals" operatorGetTotals "What all tenants together bring in, cost and take up in this month" "-" -> 200 "FleetTotals";
    GET "/operator/backups" operatorListBackups "Backups in the store, newest first; of the catalog where no tenant is named" "-" -> 200 "[Backup]";
    POST "/operator/backups" operatorStartBackups "Back up the tenants that were written since, and the catalog" "BackupRunIn" -> 202 "BackupRun";
    POST "/operator/tenants/{selector}/restore" operatorRestoreTenant "Put a tenant back to what it was, or what it was beside it as a new one" "RestoreIn" -> 200 "Restored";
    GET "/operator/backups/state" operatorGetBackupState "When backups were last made and last restored to be looked at, and what is wrong with them" "-" -> 200 "BackupState";
    GET "/operator/tenants/{selector}/move" operatorGetMove "The last move of a tenant to another volume, and how far it is" "-" -> 200 "Move";
    POST "/operator/tenants/{selector}/move" operatorMoveTenant "Move a tenant's files to another volume" "MoveIn" -> 202 "Move";
    DELETE "/operator/tenants/{selector}/move" operatorGiveUpMove "Give up a move under way: the tenant stays where it is" "-" -> 202 "Move";
    GET "/operator/volumes" operatorListVolumes "Where tenants may live" "-" -> 200 "[Volume]";
    POST "/operator/tenants/{selector}/clone" operatorCloneTenant "Make a clone of a tenant for staging, which expires" "CloneIn" -> 201 "OperatorTenant";
    GET "/operator/tenants/{selector}/clones" operatorListClones "Clones of a tenant, the newest first" "-" -> 200 "[OperatorTenant]";
    PATCH "/operator/tenants/{selector}/clone" operatorSetExpiry "Say when a clone expires, or that it is kept" "Expiry" -> 200 "OperatorTenant";
    GET "/operator/backups/runs" operatorListBackupRuns "Rounds of backups, newest first" "-" -> 200 "[BackupRun]";
    GET "/operator/backups/runs/{run}" operatorGetBackupRun "One round of backups" "-" -> 200 "BackupRun";
    GET "/operator/migrations" operatorListMigrations "Migrations of the fleet, newest first" "-" -> 200 "[MigrationRun]";
    POST "/operator/migrations" operatorStartMigration "Migrate all tenants that are behind" "MigrationRunIn" -> 202 "MigrationRun";
    GET "/operator/migrations/plan" operatorPlanMigration "What a migration of the fleet would do" "-" -> 200 "MigrationPlan";
    GET "/operator/migrations/tenants" operatorListVersions "Tenants on which a migration failed, or that are held where they are" "-" -> 200 "[TenantVersion]";
    POST "/operator/migrations/rollback" operatorRollBackTenant "Put one tenant back to the copy from before a migration" "RollbackIn" -> 200 "Rollback";
    GET "/operator/migrations/{run}" operatorGetMigration "One migration of the fleet" "-" -> 200 "MigrationRun";
    POST "/operator/migrations/{run}/cancel" operatorCancelMigration "Give a migration of the fleet up" "-" -> 200 "MigrationRun";
    POST "/operator/migrations/{run}/resume" operatorResumeMigration "Go on with one that was halted" "-" -> 202 "MigrationRun";
    GET "/operator/erasures" operatorListErasures "Receipts of erasures" "-" -> 200 "[Erasure]";
    GET "/operator/erasures/{selector}" operatorGetErasure "The receipt of an erasure; a page to be printed with Accept: text/html, or .html behind the selector" "-" -> 200 "Receipt";
}
