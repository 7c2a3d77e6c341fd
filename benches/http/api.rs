//! How one server says what all of them are asked: its paths, its query strings, its statuses.

/// One server's way of putting things.
#[derive(Debug)]
pub struct Api {
    /// Path of the customers.
    pub customers: &'static str,
    /// Path of the invoices.
    pub invoices: &'static str,
    /// The column of an invoice that names its customer.
    pub relation: &'static str,
    /// Query string of the 50 newest invoices that are paid.
    pub filtered: &'static str,
    /// Query string of the first 50 invoices, each with its customer.
    pub expanded: &'static str,
    /// Status of a successful create.
    pub created: u16,
    /// Where many records are created in one transaction.
    pub batch: &'static str,
    /// What stands around the elements of a batch, and around each record in it.
    pub batch_body: [&'static str; 2],
    /// What stands before and after one record in a batch.
    pub batch_element: [&'static str; 2],
    /// Status of a successful batch.
    pub batched: u16,
    /// Where jobs are enqueued.
    pub jobs: &'static str,
    /// Where usage events are sent to.
    pub usage_events: &'static str,
    /// Where an answer to a batch holds its elements, and an element its record; empty where it is that itself.
    pub batch_answer: [&'static str; 2],
}

/// Tenantry's, of the tenant `bench`.
pub static TENANTRY: Api = Api {
    customers: "/api/v1/tenants/bench/records/customers",
    invoices: "/api/v1/tenants/bench/records/invoices",
    batch: "/api/v1/tenants/bench/batch",
    usage_events: "/api/v1/tenants/bench/usage-events",
    jobs: "/api/v1/tenants/bench/jobs",
    batch_answer: ["/items", "/record"],
    ..PLAIN
};

/// The bare server's.
pub static BARE: Api = PLAIN;

const PLAIN: Api = Api {
    jobs: "",
    usage_events: "",
    customers: "/records/customers",
    invoices: "/records/invoices",
    relation: "customer_id",
    filtered: "status=paid&order=-created_at&limit=50",
    expanded: "expand=customer_id&limit=50",
    created: 201,
    batch: "/batch",
    batch_body: [r#"{"operations":["#, "]}"],
    batch_element: [r#"{"op":"create","table":"customers","record":"#, "}"],
    batched: 200,
    batch_answer: ["/items", ""],
};

/// `PocketBase`'s. Without the total in lists: the others count none either.
pub static POCKETBASE: Api = Api {
    jobs: "",
    usage_events: "",
    customers: "/api/collections/customers/records",
    invoices: "/api/collections/invoices/records",
    relation: "customer",
    filtered: "filter=status%3D%27paid%27&sort=-created_at&perPage=50&skipTotal=1",
    expanded: "expand=customer&perPage=50&skipTotal=1",
    created: 200,
    batch: "/api/batch",
    batch_body: [r#"{"requests":["#, "]}"],
    batch_element: [r#"{"method":"POST","url":"/api/collections/customers/records","body":"#, "}"],
    batched: 200,
    batch_answer: ["", "/body"],
};
