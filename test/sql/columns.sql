-- lead_frame_columns and lead_train_columns: values with their names in the
-- options make the same bytes as the row.
CREATE SCHEMA columns_test;
SET search_path = columns_test, public;
SET timezone = 'UTC';
\i test/lib/error_of.psql

CREATE TABLE leads (city text, "clicks ""x""" integer, created timestamptz, amount numeric, won boolean);
INSERT INTO leads
SELECT CASE i % 4 WHEN 0 THEN 'Oslo' WHEN 1 THEN 'Paris' WHEN 2 THEN 'Zürich' END, i % 5,
	   '2024-01-01 00:00+00'::timestamptz + i * interval '7 hours', CASE WHEN i % 7 > 0 THEN (i % 11) / 4.0 END,
	   CASE WHEN i % 10 < 9 THEN i % 3 = 0 OR i % 13 = 0 END
FROM generate_series(0, 299) i;

SELECT lead_frame(won, l)::text = lead_frame_columns(won,
	'{"names": ["city", "clicks \"x\"", "created", "amount", "won"]}',
	city, "clicks ""x""", created, amount, won)::text AS same_frame
FROM leads l;
SELECT lead_frame(won, l, '{"weight": "clicks \"x\"", "columns": {"created": {"parts": ["hour", "dow"]}}, "exclude": "won"}')::text =
	lead_frame_columns(won, '{"names": ["city", "clicks \"x\"", "created", "amount", "won"],
		"weight": "clicks \"x\"", "columns": {"created": {"parts": ["hour", "dow"]}}, "exclude": ["won"]}',
	city, "clicks ""x""", created, amount, won)::text AS same_with_options
FROM leads l;
-- a model keeps the options as they were given (and is longer by them)
SELECT lead_info(lead_train(won, l)) - 'options' - 'bytes' =
	lead_info(lead_train_columns(won, '{"names": ["city", "clicks \"x\"", "created", "amount", "won"]}',
		city, "clicks ""x""", created, amount, won)) - 'options' - 'bytes' AS same_model
FROM leads l;
-- without the label's own column: the same numbers
SELECT a.name, round(a.estimate::numeric, 6) AS estimate, round((a.estimate - b.estimate)::numeric, 12) AS difference
FROM lead_coefficients((SELECT lead_train(won, l) FROM leads l)) a
FULL JOIN lead_coefficients((SELECT lead_train_columns(won,
	'{"names": ["city", "clicks \"x\"", "amount"]}', city, "clicks ""x""", amount) FROM leads l)) b USING (name)
ORDER BY a.name COLLATE "C";

-- constants, literals, NULLs and one column
SELECT "column", type, nulls, "distinct" FROM lead_describe((
	SELECT lead_frame_columns(i = 1, '{"names": ["a", "b", "c", "größe"]}', i, 1.5, NULL, 'x')
	FROM generate_series(1, 3) i));
SELECT "column", type FROM lead_describe((
	SELECT lead_frame_columns(i = 1, '{"names": ["a"]}', i) FROM generate_series(1, 3) i));

-- names that do not fit
SELECT error_of($$SELECT lead_frame_columns(won, NULL, city) FROM leads$$);
SELECT error_of($$SELECT lead_frame_columns(won, '{}', city) FROM leads$$);
SELECT error_of($$SELECT lead_frame_columns(won, '{"names": "city"}', city) FROM leads$$);
SELECT error_of($$SELECT lead_frame_columns(won, '{"names": []}', city) FROM leads$$);
SELECT error_of($$SELECT lead_frame_columns(won, '{"names": ["city"]}', city, amount) FROM leads$$);
SELECT error_of($$SELECT lead_frame_columns(won, '{"names": ["city", "amount"]}', city) FROM leads$$);
SELECT error_of($$SELECT lead_frame_columns(won, '{"names": ["city", 1]}', city, amount) FROM leads$$);
SELECT error_of($$SELECT lead_frame_columns(won, '{"names": ["city", ""]}', city, amount) FROM leads$$);
SELECT error_of($$SELECT lead_frame_columns(won, '{"names": ["a", "a"]}', city, amount) FROM leads$$);
SELECT error_of($$SELECT lead_frame_columns(won, '{"names": {"city": 1}}', city) FROM leads$$);
SELECT error_of($$SELECT lead_frame_columns(won, '["city"]', city) FROM leads$$);
SELECT error_of($$SELECT lead_frame_columns(won, '"city"', city) FROM leads$$);
SELECT error_of($$SELECT lead_frame_columns(won, '{"names": ["city"], "exclude": ["town"]}', city) FROM leads$$);
SELECT error_of($$SELECT lead_train_columns(won, '{"names": ["city"], "allow": ["town"]}', city) FROM leads$$);
SELECT error_of($$SELECT lead_frame_columns(won, '{"names": ["city"], "lambda": 1}', city) FROM leads$$);
SELECT error_of($$SELECT lead_train(won, l, '{"names": ["city"]}') FROM leads l$$);
SELECT error_of($$SELECT lead_frame(won, l, '{"names": ["city"]}') FROM leads l$$);

-- values and labels that do not fit
SELECT error_of($$SELECT lead_frame_columns(won, '{"names": ["place"]}', point(1, 1)) FROM leads$$);
SELECT error_of($$SELECT lead_frame_columns(won, '{"names": ["lead"]}', l) FROM leads l$$);
SELECT error_of($$SELECT lead_frame_columns(won, '{"names": ["a"]}', 'NaN'::float8) FROM leads$$);
SELECT error_of($$SELECT lead_frame_columns(city, '{"names": ["a"]}', 1) FROM leads$$);
SELECT error_of($$SELECT lead_frame_columns(3, '{"names": ["a"]}', 1) FROM leads$$);
-- a VARIADIC array cannot hold columns of different types
SELECT error_of($$SELECT lead_frame_columns(won, '{"names": ["a", "b"]}', VARIADIC ARRAY[1, 2]) FROM leads$$);

-- no rows
SELECT lead_frame_columns(won, '{"names": ["city"]}', city) IS NULL AS no_rows FROM leads WHERE false;
SELECT error_of($$SELECT lead_train_columns(won, '{"names": ["city"]}', city) FROM leads WHERE false$$);
SELECT lead_train_columns(won, '{"names": ["city"], "untrainable": "null"}', city) IS NULL AS null FROM leads WHERE false;

-- the options must not change between rows
SELECT error_of($$SELECT lead_frame_columns(won, jsonb_build_object('names', jsonb_build_array(city)), amount)
	FROM leads WHERE city IS NOT NULL$$);
SELECT "column" FROM lead_describe((
	SELECT lead_frame_columns(won, jsonb_build_object('names', jsonb_build_array('a', 'b')), city, amount) FROM leads));

-- groups
SELECT city, lead_frame(won, l)::text = lead_frame_columns(won,
		'{"names": ["city", "clicks \"x\"", "created", "amount", "won"]}',
		city, "clicks ""x""", created, amount, won)::text AS same,
	   lead_frame(won, l) FILTER (WHERE amount > 1)::text = lead_frame_columns(won,
		'{"names": ["city", "clicks \"x\"", "created", "amount", "won"]}',
		city, "clicks ""x""", created, amount, won) FILTER (WHERE amount > 1)::text AS same_filtered
FROM leads l GROUP BY city ORDER BY city COLLATE "C";

SET client_min_messages = warning;
DROP SCHEMA columns_test CASCADE;
