-- What measures. Not STRICT, with types from other databases: DATE, TIMESTAMP and BOOLEAN have NUMERIC affinity.

CREATE TABLE devices (
  -- Names given by the plant: 'hall/3', 'line 2, left', 'a%2Fb'. In a URL each is one percent-encoded part.
  device_id    TEXT NOT NULL PRIMARY KEY CHECK (device_id <> ''),
  -- 64 bits as printed on the plate; beyond 2^53 it is a string in JSON, or else a client rounds it.
  serial       INTEGER NOT NULL UNIQUE,
  active       BOOLEAN NOT NULL DEFAULT TRUE,
  -- NUMERIC affinity turns what looks like a number into one: '2026-03-01' stays text, '20260301' becomes an INTEGER.
  installed_on DATE,
  latitude     REAL,
  longitude    REAL,
  -- Text that is no JSON does not reach the CHECK: the generated columns below come first and fail with SQLite's
  -- general "malformed JSON", which names no constraint.
  info         JSON NOT NULL DEFAULT '{}' CONSTRAINT devices_info_is_an_object CHECK (json_type(info) IS 'object'),
  -- Out of JSON: text, a number, and a boolean, which JSON's true gives as 1.
  firmware     TEXT GENERATED ALWAYS AS (info ->> '$.firmware') VIRTUAL,
  channels     INTEGER GENERATED ALWAYS AS (coalesce(json_array_length(info, '$.channels'), 0)) STORED,
  battery      BOOLEAN GENERATED ALWAYS AS (info ->> '$.battery') VIRTUAL,
  first_channel JSON GENERATED ALWAYS AS (info -> '$.channels[0]') VIRTUAL,
  -- Both or neither, and on the globe.
  CONSTRAINT devices_place_is_whole CHECK ((latitude IS NULL) = (longitude IS NULL)),
  CONSTRAINT devices_place_on_earth CHECK (latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180)
) WITHOUT ROWID;
CREATE INDEX devices_by_firmware ON devices (firmware) WHERE firmware IS NOT NULL;

CREATE TABLE device_certificates (
  id        BLOB(16) NOT NULL PRIMARY KEY,       -- a UUIDv7 in binary where none is given
  device_id TEXT NOT NULL REFERENCES devices (device_id) ON UPDATE CASCADE ON DELETE CASCADE,
  claims    JSON NOT NULL CHECK (json_valid(claims)),
  der       BLOB NOT NULL,
  -- Unique and NOT NULL for a value inside the JSON: the message names this column, which no client can write.
  subject   TEXT GENERATED ALWAYS AS (claims ->> '$.sub') VIRTUAL NOT NULL UNIQUE,
  expires   INTEGER GENERATED ALWAYS AS (claims ->> '$.exp') STORED CHECK (expires > 0)
);
CREATE INDEX device_certificates_by_device ON device_certificates (device_id);

-- A tree of topics as of a message broker; slashes, commas, plus and hash signs in the key, and the empty text as one.
CREATE TABLE topics (
  topic      TEXT PRIMARY KEY,
  -- ANY in a STRICT table keeps what was given: 1, 1.0, '1', x'31' and NULL are five different values.
  retained   ANY,
  qos        INTEGER NOT NULL DEFAULT 0 CHECK (qos IN (0, 1, 2)),
  updated_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER))    -- milliseconds
) STRICT, WITHOUT ROWID;

CREATE TABLE settings (
  device_id TEXT NOT NULL REFERENCES devices (device_id) ON UPDATE CASCADE ON DELETE CASCADE,
  name      TEXT NOT NULL,                       -- 'alarm/high,2'
  value     ANY NOT NULL,
  kind      TEXT GENERATED ALWAYS AS (typeof(value)) VIRTUAL,
  PRIMARY KEY (device_id, name)
) STRICT, WITHOUT ROWID;

-- The same words without STRICT: ANY then means NUMERIC, and '007' is stored as 7. A column without a type changes
-- nothing. And a key that is not NOT NULL takes NULL, an old promise of SQLite: such a row lists, but has no address.
CREATE TABLE notes_loose (
  name    TEXT PRIMARY KEY,
  value   ANY,
  untyped,
  flag    BOOLEAN,                               -- takes 2 or 'yes' as well; not every value is true or false
  doc     JSON,                                  -- without json_valid: may hold what is not JSON
  seen_at TIMESTAMP
);
