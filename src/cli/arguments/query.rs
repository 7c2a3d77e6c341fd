//! Arguments of `tenantry query`.

use clap::{ArgGroup, Args};

#[derive(Args)]
#[command(group = ArgGroup::new("whom").required(true).multiple(true).args(["tenant", "plan", "status", "search", "all"]))]
pub(in crate::cli) struct QueryArguments {
    /// The statement; `-` reads it from standard input
    #[arg(value_name = "SQL")]
    pub(in crate::cli) sql: String,
    /// Ask this tenant; may be given again
    #[arg(long, value_name = "SLUG", conflicts_with_all = ["plan", "status", "search", "all", "after"])]
    pub(in crate::cli) tenant: Vec<String>,
    /// Ask the tenants on this plan
    #[arg(long, value_name = "KEY")]
    pub(in crate::cli) plan: Option<String>,
    /// Ask the tenants in this state: active, suspended or closing
    #[arg(long, value_name = "STATUS")]
    pub(in crate::cli) status: Option<String>,
    /// Ask the tenants whose slug or name holds this
    #[arg(long, value_name = "TEXT")]
    pub(in crate::cli) search: Option<String>,
    /// Ask all tenants
    #[arg(long, conflicts_with_all = ["plan", "status", "search"])]
    pub(in crate::cli) all: bool,
    /// Ask those behind this one: go on where a query before ended
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) after: Option<String>,
    /// Rows at most [default: 10000]
    #[arg(long, value_name = "ROWS")]
    pub(in crate::cli) limit: Option<i64>,
    /// Rows of each tenant at most [default: 1000]
    #[arg(long, value_name = "ROWS")]
    pub(in crate::cli) tenant_limit: Option<i64>,
    /// Tenants to ask at most [default: 1000]
    #[arg(long, value_name = "NUMBER")]
    pub(in crate::cli) tenants: Option<i64>,
    /// Seconds that all of it may take [default: 60]
    #[arg(long, value_name = "SECONDS")]
    pub(in crate::cli) seconds: Option<i64>,
    /// Print CSV
    #[arg(long)]
    pub(in crate::cli) csv: bool,
}
