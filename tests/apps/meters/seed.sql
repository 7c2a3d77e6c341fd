-- A simulated device, so that the first screen has something to show.
INSERT INTO devices (device_id, serial, installed_on, latitude, longitude, info) VALUES
  ('demo/1', 9007199254740993, '2026-01-01', 52.52, 13.405,
   '{"firmware":"1.4.0","battery":true,"channels":[{"unit":"°C"},{"unit":"%"}]}');

-- 2026-01-01, 00:00, 00:01 and 00:05 UTC.
INSERT INTO readings (device_id, at, value, raw) VALUES
  ('demo/1', 1767225600000, 20.5, 9223372036854775807),
  ('demo/1', 1767225660000, 21, NULL),
  ('demo/1', 1767225900000, 20.0, -1);

INSERT INTO events (device_id, at, body) VALUES ('demo/1', 1767225600000, '{"kind":"started","severity":1}');

INSERT INTO topics (topic, retained) VALUES ('plant/hall 3/line,2/temperature', 21.5), ('$SYS/version', '1');

INSERT INTO settings (device_id, name, value) VALUES ('demo/1', 'alarm/high,1', 80), ('demo/1', 'label', '007');
