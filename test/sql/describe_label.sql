-- What columns say about the label: rows, options and what they say when wrong.
CREATE SCHEMA describe_label_test;
SET search_path = describe_label_test, public;
\i test/lib/error_of.psql

CREATE TABLE leads AS
SELECT i % 4 = 0 OR i % 10 = 3 AS won, CASE WHEN i % 7 = 0 THEN NULL WHEN i % 3 = 0 THEN 'Oslo' WHEN i < 3 THEN 'rare' ELSE 'Paris' END AS city,
	   i % 3 AS calls, i % 40 / 4.0 AS amount, i % 2 = 0 AS member, make_interval(hours => i % 2) AS waited,
	   timestamp '2025-01-01' + i * interval '1 hour' AS created, NULL::text AS nothing
FROM generate_series(1, 400) i;
SELECT lead_frame(won, l, '{"columns": {"created": {"parts": ["dow"]}}}') AS f FROM leads l \gset

SELECT "column", kind, cell, level, lower, upper, rows, positives, round(rate::numeric, 4) AS rate, round(woe::numeric, 4) AS woe FROM lead_describe_label(:'f');
SELECT "column", kind, cells, round(information_value::numeric, 4) AS iv, strength, beyond_chance, round(auc::numeric, 4) AS auc, direction, lowest_level, highest_level, note FROM lead_describe_label_columns(:'f');

-- options
SELECT "column", level, rows FROM lead_describe_label(:'f', '{"bins": 2, "min_count": 1, "max_levels": 1, "exclude": "created", "columns": {"amount": {"bins": 3}, "calls": {"as": "categorical", "max_levels": 9}}}')
WHERE "column" IN ('city', 'calls', 'amount');
SELECT error_of(format('SELECT lead_describe_label(%L, %L)', :'f', o)) FROM unnest(ARRAY['{"bins": 1}', '{"lambda": 1}', '{"weight": "amount"}', '{"columns": {"city": {"bins": 3}}}', '{"columns": {"town": {}}}', '{"exclude": ["town"]}', '{"columns": {"city": {"reference": "Oslo"}}}', '[]']) o;
SELECT error_of(format('SELECT lead_describe_label_columns(%L, %L)', :'f', '{"columns": {"created.dow": {"as": "number"}}}'));

-- NULL, no rows, one class only, one row
SELECT count(*) FROM lead_describe_label(NULL), lead_describe_label_columns(NULL);
SELECT count(*) FROM lead_describe_label(:'f', NULL);
SELECT "column", cells, information_value, auc, note FROM lead_describe_label_columns((SELECT lead_frame(NULL::boolean, ROW(won, city)) FROM leads));
SELECT "column", cells, information_value, strength, auc, lowest_level, lowest_rate FROM lead_describe_label_columns((SELECT lead_frame(true, l) FROM (SELECT city, calls FROM leads) l));
SELECT "column", level, rows, rate, woe, iv FROM lead_describe_label((SELECT lead_frame(won, l) FROM (SELECT won, city, calls FROM leads LIMIT 1) l));
-- more different numbers than a dictionary holds
SELECT cell, level, rows FROM lead_describe_label((SELECT lead_frame(i % 2 = 0, r) FROM generate_series(1, 70000) i, LATERAL (SELECT i + 0.5::float8 AS n, i % 2 = 0 AS won) r), '{"bins": 4}') WHERE "column" = 'n';
SELECT error_of($$SELECT lead_describe_label((SELECT lead_frame(i % 2 = 0, r) FROM generate_series(1, 70000) i, LATERAL (SELECT i + 0.5::float8 AS n) r), '{"columns": {"n": {"as": "categorical"}}}')$$);

-- a weight does not count
SELECT DISTINCT rows, missing FROM lead_describe_label_columns((SELECT lead_frame(won, l, '{"weight": "w"}') FROM (SELECT won, calls, 3 AS w FROM leads) l));
SET client_min_messages = warning;
DROP SCHEMA describe_label_test CASCADE;
