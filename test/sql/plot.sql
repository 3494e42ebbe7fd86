-- Pictures: the bins of a column, numbers for people, one picture in full, errors.
\pset null (null)
\set SHOW_CONTEXT never

-- bins: levels, few numbers, intervals with tails, times, what is only counted
CREATE VIEW sides AS
SELECT lead_profile(r) FILTER (WHERE now = 0) AS before, lead_profile(r) FILTER (WHERE now = 1) AS now
FROM (VALUES (0, 400), (1, 200)) AS s(now, n), LATERAL generate_series(1, n) AS i, LATERAL (
	SELECT CASE WHEN i % 10 = 0 THEN NULL ELSE chr(ascii('a') + i % (5 + now)) END AS letter, i % 3 + now AS few,
		CASE WHEN i = 7 THEN 1e6 ELSE i % 100 / 10.0::float8 - 2 END AS num, i % 2 = now AS flag,
		date '2026-01-01' + i % 60 AS day, ARRAY[i] AS list, 0.1::float8 * (i % 30) AS tenth) AS r;
SELECT d.* FROM sides, lead_drift_bins(before, now, 'letter', 3) AS d;
SELECT d.* FROM sides, lead_drift_bins(before, now, 'letter', 5) AS d;
SELECT d.* FROM sides, lead_drift_bins(before, now, 'few') AS d;
SELECT d.* FROM sides, lead_drift_bins(before, now, 'flag') AS d;
SELECT d.* FROM sides, lead_drift_bins(before, now, 'num', 5) AS d;
SELECT d.* FROM sides, lead_drift_bins(before, now, 'num', 1) AS d;
SELECT d.* FROM sides, lead_drift_bins(before, now, 'tenth', 6) AS d;
SELECT d.* FROM sides, lead_drift_bins(before, now, 'day', 4) AS d;
SELECT d.* FROM sides, lead_drift_bins(before, now, 'list') AS d;
-- a column of one side only; nothing
SELECT d.* FROM sides, (SELECT lead_profile(r) AS other FROM (VALUES (1)) AS r(x)) AS o, lead_drift_bins(other, now, 'few') AS d;
SELECT d.* FROM sides, (SELECT lead_profile(r) AS other FROM (VALUES (1)) AS r(x)) AS o, lead_drift_bins(other, now, 'x') AS d;
SELECT * FROM lead_drift_bins(NULL, NULL, 'x');
-- the bins of both sides hold all rows
SELECT c, sum(rows_before), sum(rows_now), round(sum(share_before)::numeric, 12), round(sum(share_now)::numeric, 12)
FROM sides, unnest('{letter,few,num,flag,day,list,tenth}'::text[]) AS c, lead_drift_bins(before, now, c, 7) GROUP BY c ORDER BY c COLLATE "C";
-- errors
SELECT d.* FROM sides, lead_drift_bins(before, now, 'none') AS d;
SELECT d.* FROM sides, lead_drift_bins(before, now, 'few', 0) AS d;
SELECT d.* FROM sides, (SELECT lead_profile(r) AS other FROM (VALUES ('a')) AS r(few)) AS o, lead_drift_bins(other, now, 'few') AS d;

-- numbers for people
SELECT x, leadscore.number_text(x), leadscore.share_text(x)
FROM unnest('{0,1,-1,0.0005,0.777123,12.345,9999,12345,-1234567,3e9,5e20,1e-7,NaN,Infinity}'::float8[]) AS x;
SELECT low, high, leadscore.nice_ticks(low, high), leadscore.tick_texts(leadscore.nice_ticks(low, high))
FROM (VALUES (0::float8, 1::float8), (0, 0.37), (-3.3, 7.1), (5, 5), (0, 0), (0, 123456), (1e-9, 3e-9), (-1e20, 1e20), (-1e308, 1e308)) AS v(low, high);
SELECT leadscore.tick_texts('{0,0.05,0.1}', 'percent'), leadscore.tick_texts('{0,0.025,0.05}', 'percent');
SELECT texts FROM (VALUES (0::float8, 108000::float8), (1.7e9, 1.7007e9), (1.7e9, 1.73e9), (0, 4e9), (86400, 86400), (-1e300, 1e300)) AS v(low, high),
	leadscore.time_ticks(low, high);

-- texts: escaped, cut in the middle
SELECT leadscore.xml_text(E'<a href="x">\'&\x01\t');
SELECT leadscore.svg_label(t, 100) FROM unnest('{short,"",first_utm_source_c=facebook,<&<&<&<&<&<&<&<&<&<&<&<&}'::text[]) AS t;
SELECT length(leadscore.svg_label(repeat('W', 100000), 100));

-- a picture in full
SELECT replace(lead_plot((SELECT lead_roc_curve(score, won) FROM (VALUES (0.9, true), (0.8, true), (0.7, false), (0.6, true), (0.5, false)) AS v(score, won))),
	'><', E'>\n<');
-- whatever the settings
SET extra_float_digits = -3;
SET TimeZone = 'Asia/Kolkata';
SET DateStyle = 'German';
SELECT md5(lead_plot(before, now, c)) = before_md5 AS same
FROM sides, unnest('{letter,num,day}'::text[]) AS c,
	LATERAL (SELECT set_config('extra_float_digits', '1', false), md5(lead_plot(before, now, c)) AS before_md5) AS other;
RESET ALL;

-- nothing to draw
SELECT regexp_replace(svg, '.*<desc>(.*)</desc>.*', '\1') FROM unnest(ARRAY[lead_plot(NULL::lead_roc_point[]), lead_plot('{}'::lead_pr_point[]),
	lead_plot('{}'::lead_lift_tile[]), lead_plot('{}'::lead_calibration_bin[]), lead_plot(NULL::bytea), lead_plot(NULL::leadprofile, NULL, 'x'),
	lead_plot(NULL::text, 'roc')]) AS svg;

-- by name
SELECT lead_plot('nobody', 'roc');
SELECT lead_report('nobody');
SET client_min_messages = error;
CREATE TABLE plot_leads AS SELECT i AS id, timestamptz '2026-01-01' + i * interval '1 hour' AS at, i % 7 AS calls, i * 37 % 101 < 20 + 10 * (i % 7) AS won FROM generate_series(1, 600) AS i;
SELECT version, live FROM lead_train_model('plotted', 'plot_leads', 'won', key => 'id', time_column => 'at');
SELECT lead_plot('plotted', 'rok');
SELECT lead_plot('plotted', 'roc', 'calls');
SELECT lead_plot('plotted', 'column');
SELECT lead_plot('plotted', 'quality', 'acu');
SELECT lead_plot('plotted@9', 'roc');
SELECT lead_report(NULL) IS NULL;
SELECT what, lead_plot('plotted', what, c) ~ 'nothing|not|Nothing|No ' AS empty FROM (VALUES ('drift', NULL), ('drift', 'calls'), ('impact', NULL),
	('column', 'calls'), ('quality', NULL), ('roc', NULL), ('coefficients', NULL)) AS v(what, c);
-- (the number of the run is rolled back, too)
BEGIN;
ALTER SEQUENCE leadscore.monitor_run_monitor_run_id_seq RESTART;
SELECT (lead_monitor('plotted')).drifted_columns;
SELECT lead_plot('plotted', 'column', 'none');
ROLLBACK;
BEGIN;
DO $$BEGIN PERFORM lead_monitor('plotted', source => 'SELECT * FROM plot_leads WHERE false'); END$$;
SELECT lead_plot('plotted', 'column', 'none');
ROLLBACK;
SELECT lead_drop_model('plotted', force => true);
DROP TABLE plot_leads;
DROP VIEW sides;
