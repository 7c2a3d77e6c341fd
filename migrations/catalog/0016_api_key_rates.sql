-- How fast a key may ask, where that was said as it was made: both or none.
ALTER TABLE api_keys ADD COLUMN requests_per_second INTEGER;
ALTER TABLE api_keys ADD COLUMN burst INTEGER;
