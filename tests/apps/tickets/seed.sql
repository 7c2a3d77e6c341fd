-- What a new tenant starts with: somebody to report tickets, one project, the usual labels, a welcome.
INSERT INTO people (id, handle, email, prefs) VALUES
  ('robot', 'robot', NULL, '{"theme":"dark","time_zone":"Europe/Berlin"}');

INSERT INTO projects (key, name, lead_id) VALUES ('HELP', 'Support', 'robot');

INSERT INTO labels (id, name, color) VALUES (1, 'bug', '#d73a4a'), (2, 'question', '#0075ca'), (3, 'wish', '#a2eeef');

INSERT INTO "group" (id, name) VALUES (1, 'Everyone');
INSERT INTO group_members ("group", person_id) VALUES (1, 'robot');

-- Gets HELP-1 from the trigger, and is found by a search for "welcome".
INSERT INTO tickets (project_key, title, body, reporter_id) VALUES
  ('HELP', 'Welcome to your tracker', 'Close this ticket when you have read the handbook.', 'robot');
INSERT INTO ticket_labels (ticket_id, label_id) SELECT id, 2 FROM tickets;

INSERT INTO handbook (title, body, slug) VALUES
  ('Writing a good ticket', 'Say what you did, what you expected and what happened instead.', 'good-ticket'),
  ('Closing tickets', 'A closed ticket keeps its comments; reopening it clears the date.', 'closing');

INSERT INTO "select" (id, "from", "where", "default") VALUES (1, 'tickets', 'is_open=true', TRUE);
