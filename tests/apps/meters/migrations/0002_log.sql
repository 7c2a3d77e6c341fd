-- What was measured. Keys by device and time in tables without rowid: rows of a device lie side by side, and a range of
-- time is one read.

CREATE TABLE readings (
  device_id TEXT NOT NULL REFERENCES devices (device_id) ON UPDATE CASCADE ON DELETE CASCADE,
  at        INTEGER NOT NULL CHECK (at > 0),     -- milliseconds since 1970, UTC
  value     REAL NOT NULL,                       -- 21 is stored as 21.0
  raw       INTEGER,                             -- all 64 bits
  quality   TEXT NOT NULL DEFAULT 'good' CONSTRAINT readings_quality CHECK (quality IN ('good', 'doubtful', 'bad')),
  day       TEXT GENERATED ALWAYS AS (date(at / 1000, 'unixepoch')) VIRTUAL,
  PRIMARY KEY (device_id, at),
  CONSTRAINT readings_value_is_finite CHECK (value BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308)
) STRICT, WITHOUT ROWID;
CREATE INDEX readings_by_time ON readings (at);
CREATE INDEX readings_not_good ON readings (device_id, at) WHERE quality <> 'good';

-- Kept by triggers, so that a year is 365 rows and not ten million.
CREATE TABLE daily_totals (
  device_id TEXT NOT NULL REFERENCES devices (device_id) ON UPDATE CASCADE ON DELETE CASCADE,
  day       TEXT NOT NULL,
  readings  INTEGER NOT NULL,
  total     REAL NOT NULL,
  lowest    REAL NOT NULL,
  highest   REAL NOT NULL,
  PRIMARY KEY (device_id, day)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER readings_add_up AFTER INSERT ON readings
BEGIN
  INSERT INTO daily_totals (device_id, day, readings, total, lowest, highest)
  VALUES (NEW.device_id, date(NEW.at / 1000, 'unixepoch'), 1, NEW.value, NEW.value, NEW.value)
  ON CONFLICT (device_id, day) DO UPDATE SET
    readings = readings + 1, total = total + excluded.total,
    lowest = min(lowest, excluded.lowest), highest = max(highest, excluded.highest);
END;
-- The log is written once; a wrong value is marked, not replaced.
CREATE TRIGGER readings_stay BEFORE UPDATE OF value, raw, at ON readings
BEGIN
  SELECT RAISE(ABORT, 'readings are not changed; set quality to bad and add another');
END;

-- Retention deletes old readings and leaves the totals. By a composite key to a table without rowid.
CREATE TABLE annotations (
  id        INTEGER PRIMARY KEY,
  device_id TEXT NOT NULL,
  at        INTEGER NOT NULL,
  text      TEXT NOT NULL,
  tags      JSON NOT NULL DEFAULT '[]' CHECK (json_type(tags) IS 'array'),
  first_tag TEXT AS (tags ->> 0),
  FOREIGN KEY (device_id, at) REFERENCES readings (device_id, at) ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE INDEX annotations_by_reading ON annotations (device_id, at);

-- Not STRICT and without rowid: here, too, NOT NULL holds for every part of the key. Three parts, for several events in
-- one millisecond.
CREATE TABLE events (
  device_id TEXT REFERENCES devices (device_id) ON UPDATE CASCADE ON DELETE CASCADE,
  at        INTEGER,
  seq       INTEGER DEFAULT 0,
  body      JSON NOT NULL CHECK (json_valid(body)),
  kind      VARCHAR(20) GENERATED ALWAYS AS (body ->> '$.kind') STORED NOT NULL,
  severity  INTEGER GENERATED ALWAYS AS (coalesce(body ->> '$.severity', 0)) VIRTUAL,
  PRIMARY KEY (device_id, at, seq),
  CONSTRAINT events_severity CHECK (severity BETWEEN 0 AND 9)    -- of a generated column: the field at fault is body
) WITHOUT ROWID;
CREATE INDEX events_by_kind ON events (kind, at);
CREATE INDEX events_severe ON events (at) WHERE severity >= 7;

-- Bytes as received. A key of bytes and time; the sender is known by its address alone.
CREATE TABLE frames (
  sender  BLOB NOT NULL CHECK (length(sender) BETWEEN 1 AND 8),
  at      INTEGER NOT NULL,
  payload BLOB NOT NULL DEFAULT x'',
  rssi    REAL CHECK (rssi <= 0),
  bytes   INTEGER GENERATED ALWAYS AS (length(payload)) VIRTUAL,
  PRIMARY KEY (sender, at)
) STRICT, WITHOUT ROWID;

-- An INTEGER key that outgrows 2^53 (numbers made of time and machine), below zero too. Once the greatest of all is
-- taken, SQLite gives free keys at random.
CREATE TABLE pulse_counters (
  counter_id INTEGER PRIMARY KEY,
  device_id  TEXT REFERENCES devices (device_id) ON UPDATE CASCADE ON DELETE SET NULL,
  pulses     INTEGER NOT NULL DEFAULT 0 CHECK (pulses >= 0),
  -- Beyond 64 bits the product is a REAL, which STRICT refuses for an INTEGER column.
  millis     INTEGER GENERATED ALWAYS AS (pulses * 1000) VIRTUAL,
  factor     REAL NOT NULL DEFAULT 1.0
) STRICT;
CREATE INDEX pulse_counters_by_device ON pulse_counters (device_id);
CREATE TRIGGER pulse_counters_only_rise BEFORE UPDATE OF pulses ON pulse_counters WHEN NEW.pulses < OLD.pulses
BEGIN
  SELECT RAISE(ABORT, 'a counter does not run backwards');
END;

-- Dates as text, half-open periods, no two of a device overlapping: more than UNIQUE can say, hence the trigger.
CREATE TABLE calibrations (
  device_id   TEXT NOT NULL REFERENCES devices (device_id) ON UPDATE CASCADE ON DELETE RESTRICT,
  valid_from  TEXT NOT NULL CHECK (valid_from IS date(valid_from)),
  valid_to    TEXT NOT NULL DEFAULT '9999-12-31' CHECK (valid_to IS date(valid_to)),
  slope       REAL NOT NULL DEFAULT 1.0 CHECK (slope <> 0.0),
  zero_offset REAL NOT NULL DEFAULT -0.5,
  signed_by   TEXT,
  PRIMARY KEY (device_id, valid_from),
  CONSTRAINT calibrations_in_order CHECK (valid_from < valid_to)
) STRICT;
CREATE TRIGGER calibrations_no_overlap BEFORE INSERT ON calibrations
WHEN EXISTS (
  SELECT 1 FROM calibrations AS c
  WHERE c.device_id = NEW.device_id AND c.valid_from < NEW.valid_to AND NEW.valid_from < c.valid_to
    AND c.valid_from <> NEW.valid_from           -- the same start is UNIQUE's to refuse, and an upsert's to find
)
BEGIN
  SELECT RAISE(ABORT, 'another calibration is valid in that time');
END;
