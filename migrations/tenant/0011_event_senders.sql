-- Who sent each usage event: that one may take it back. Events of before have no sender. What is digested and chained is
-- what is billed; a sender is not part of it.
CREATE TABLE _usage_senders (
  id     INTEGER PRIMARY KEY,
  sender TEXT NOT NULL UNIQUE   -- identity:.., key:.., operator:.., system
);
CREATE TRIGGER _usage_senders_are_immutable BEFORE UPDATE ON _usage_senders
BEGIN
  SELECT RAISE(ABORT, 'who sent usage events cannot be changed');
END;
CREATE TRIGGER _usage_senders_stay BEFORE DELETE ON _usage_senders
BEGIN
  SELECT RAISE(ABORT, 'who sent usage events cannot be removed');
END;
ALTER TABLE _usage_events ADD COLUMN sender INTEGER;   -- _usage_senders.id
