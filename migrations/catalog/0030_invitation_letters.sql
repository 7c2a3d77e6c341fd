-- How many letters an address got of late is asked with every invitation.
CREATE INDEX invitations_by_address ON invitations (email, created_at);
