-- What cannot be subtracted, and what the error says.
CREATE SCHEMA subtract_test;
SET search_path = subtract_test, public;
SET timezone = 'UTC';
SET client_min_messages = error;

CREATE TABLE leads AS
SELECT i, i % 3 = 0 AS won, CASE i % 4 WHEN 0 THEN 'Oslo' WHEN 1 THEN 'Zürich' WHEN 2 THEN '' END AS city, nullif(i % 5, 4) AS clicks, i % 2 = 0 AS vip,
	i / 8.0::float8 AS amount, '2024-01-01'::date + i % 7 AS day, '2024-01-01'::timestamptz + i * interval '1 day' AS created
FROM generate_series(1, 40) i;
CREATE FUNCTION framed(where_clause text DEFAULT 'true', options jsonb DEFAULT '{"exclude": ["i", "won", "created"], "time": "day"}', leads text DEFAULT 'leads')
RETURNS leadframe LANGUAGE plpgsql AS $$
DECLARE
	f leadframe;
BEGIN
	EXECUTE format('SELECT lead_frame(won, l, %L) FROM %s AS l WHERE %s', options, leads, where_clause) INTO f;
	RETURN f;
END $$;

SELECT framed() - framed('i % 3 = 1') = framed('i % 3 <> 1') AS exact, framed() - framed('i = 1') = framed('i > 1') AS one, framed() - NULL IS NULL AS "null";

-- rows that are not there
\set VERBOSITY default
SELECT framed() - framed(leads => $$(SELECT 7 AS i, won, city, clicks, vip, amount + 1 AS amount, day, created FROM leads WHERE i = 7)$$);
SELECT framed() - framed(leads => $$(SELECT i, won, city, NULL::int AS clicks, NOT vip AS vip, amount, day + 1 AS day, created FROM leads WHERE i = 7)$$);
SELECT framed() - framed(leads => $$(SELECT i, won, 'Bergen' AS city, clicks, vip, amount, day, created FROM leads WHERE i = 7)$$);
SELECT framed() - framed(leads => $$(SELECT i, won, city, clicks, vip, amount, '2025-01-01'::date AS day, created FROM leads WHERE i = 7)$$);
SELECT framed() - framed(leads => $$(SELECT i, NOT won AS won, city, clicks, vip, amount, day, created FROM leads WHERE i = 7)$$);
SELECT framed() - framed(leads => $$(SELECT i, NULL::boolean AS won, city, clicks, vip, amount, day, created FROM leads WHERE i = 7)$$);
SELECT framed() - framed() - framed('i = 7');
SELECT framed('i = 7') - framed('i IN (7, 8)');
SELECT framed() - (framed('i = 7') || framed('i = 7'));

-- columns that are not the same
SELECT framed() - framed(leads => $$(SELECT *, 1 AS another FROM leads WHERE i = 7)$$);
SELECT framed() - framed(leads => $$(SELECT i, won, city, clicks, vip, amount::text, day, created FROM leads WHERE i = 7)$$);
SELECT framed() - framed('i = 7', '{"exclude": ["i", "won", "created", "day"], "weight": "amount"}');
SELECT framed() - framed('true', '{"exclude": ["i", "won", "created"], "time": "day", "max_distinct": 2}');
SELECT framed(options => '{"exclude": ["i", "won"], "timezone": "Europe/Oslo", "columns": {"created": {"parts": ["hour"]}}}')
	- framed('i = 7', '{"exclude": ["i", "won"], "timezone": "Asia/Tokyo", "columns": {"created": {"parts": ["hour"]}}}');
-- a column that is lacking counts as NULL
SELECT framed() - framed('i = 3', leads => '(SELECT i, won, clicks, vip, amount, day, created FROM leads)') = framed('i <> 3') AS is_null_there;
SELECT framed() - framed('i = 4', leads => '(SELECT i, won, clicks, vip, amount, day, created FROM leads)');
-- the earliest and the latest time
\set parts '{"exclude": ["i", "won", "day"], "columns": {"created": {"parts": ["dow"]}}}'
SELECT framed(options => :'parts') - framed('i = 7', :'parts') = framed('i <> 7', :'parts') AS within;
SELECT framed(options => :'parts') - framed('i = 1', :'parts');
SELECT framed(options => :'parts') - framed('i = 40', :'parts');
SELECT (SELECT rows FROM leadscore.frame_counts(framed(options => :'parts') - framed(options => :'parts')));

-- weights
SELECT "column", kind, min, max FROM lead_describe(leadscore.set_time_range(framed(options => :'parts'))) WHERE kind = 'time';
SELECT "column", type, kind, nulls, min, max FROM lead_describe(lead_weigh_frame(framed(), 0.25)) WHERE kind = 'weight';
SELECT "column", type, kind, nulls, min, max FROM lead_describe(lead_weigh_frame(framed(options => '{"weight": "i", "exclude": ["won", "created", "day"]}'), 0.25)) WHERE kind = 'weight';
SELECT lead_weigh_frame(framed(), NULL) IS NULL AS "null", lead_weigh_frame(lead_weigh_frame(framed(), 4), 0.5) = lead_weigh_frame(framed(), 2) AS product,
	lead_weigh_frame(framed('false'), 2) IS NULL AS no_rows;
SELECT lead_weigh_frame(framed(), 0);
SELECT lead_weigh_frame(framed(), -1);
SELECT lead_weigh_frame(framed(), 'NaN');
SELECT lead_weigh_frame(framed(), 'Infinity');
SELECT lead_weigh_frame(lead_weigh_frame(framed(), 1e300), 1e300);
SELECT lead_weigh_frame(lead_weigh_frame(framed(), 1e-300), 1e-300);
SELECT lead_weigh_frame(framed(options => '{"exclude": ["won", "created", "day"]}', leads => '(SELECT *, i AS "(weight)" FROM leads)'), 2);

-- lead_training() of a frame
SELECT rows, positives, unknown, model = lead_fit(framed(), '{"lambda": 1}') AS model, jsonb_array_length(columns) AS columns
FROM lead_training(framed(), '{"lambda": 1}');
SELECT lead_training(NULL::leadframe) IS NULL AS "null", (lead_training(framed('won'))).model IS NULL AS hopeless;
SELECT lead_training(framed(), '{"weight": "amount"}');
SELECT lead_training(framed(), '{"exclude": ["nope"]}');

DROP SCHEMA subtract_test CASCADE;
