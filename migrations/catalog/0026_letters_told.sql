-- To whom a letter to several went before an attempt broke off: the next one goes to the others alone. Marks of their
-- addresses, not the addresses, separated by spaces; nothing once the letter is done with.
ALTER TABLE letters ADD COLUMN told TEXT NOT NULL DEFAULT '';
