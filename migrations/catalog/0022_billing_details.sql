-- Whom the invoices of a tenant are addressed to. Each invoice keeps it as it was when that was issued.
CREATE TABLE billing_details (
  tenant_id TEXT PRIMARY KEY REFERENCES tenants (id),
  name      TEXT,                             -- NULL: as the tenant is called
  address   TEXT NOT NULL,                    -- its lines, with line feeds between them
  tax_id    TEXT
);
