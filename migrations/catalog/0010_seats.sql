-- How many members a tenant may have under a version of a plan; NULL: any number. The owner has the first seat.
ALTER TABLE plans ADD COLUMN seats INTEGER CHECK (seats > 0);
