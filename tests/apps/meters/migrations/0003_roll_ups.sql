-- Roll-ups that are computed on reading.

CREATE VIEW readings_by_hour AS
SELECT device_id, at / 3600000 * 3600000 AS hour, strftime('%Y-%m-%dT%H:00:00Z', at / 1000, 'unixepoch') AS hour_text,
       count(*) AS readings, min(value) AS lowest, max(value) AS highest, avg(value) AS average,
       sum(raw) AS raw_total                     -- an integer overflow here is an error of the whole query
FROM readings WHERE quality <> 'bad'
GROUP BY device_id, hour;

-- With max(), the other columns come from the same row: SQLite's promise for bare columns.
CREATE VIEW latest_readings AS
SELECT device_id, max(at) AS at, value, quality FROM readings GROUP BY device_id;

-- A window function: how long nothing was heard.
CREATE VIEW silences AS
SELECT device_id, before AS from_at, at AS to_at, at - before AS milliseconds
FROM (SELECT device_id, at, lag(at) OVER (PARTITION BY device_id ORDER BY at) AS before FROM readings)
WHERE at - before > 60000;

-- One row for each member of a JSON object.
CREATE VIEW event_fields AS
SELECT e.device_id, e.at, e.seq, f.key AS field, f.type, f.atom AS value
FROM events AS e, json_each(e.body) AS f;

-- Columns of declared types that come through (BOOLEAN, JSON), and JSON made by the view, which has none and is text.
CREATE VIEW device_overview AS
SELECT d.device_id, d.serial, d.active, d.info,
       (SELECT json_group_array(DISTINCT e.kind) FROM events AS e WHERE e.device_id = d.device_id) AS kinds,
       -- Nothing divided by nothing is NULL, not an error.
       (SELECT sum(total) / sum(readings) FROM daily_totals AS t WHERE t.device_id = d.device_id) AS average
FROM devices AS d;

-- Columns named by the view itself.
CREATE VIEW quality_counts (quality, "how many") AS
SELECT quality, count(*) FROM readings GROUP BY quality;
