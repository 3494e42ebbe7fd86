-- Pictures and the report: well-formed, small, safe, in the right place, and as
-- much as a reader may see.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(86);
SET LOCAL client_min_messages = error;
ALTER SEQUENCE leadscore.monitor_run_monitor_run_id_seq RESTART;	-- so that numbers given here are rolled back, too

-- 26 columns, and every name and level meant to break out of a page
CREATE TABLE plot_leads AS
SELECT i AS id, timestamptz '2025-01-01' + i * interval '1 hour' AS at, i * 7919 % 104729 < 30000 + 5000 * (i % 7) AS won,
	i % 7 AS "</title><script>alert(1)</script>",
	(ARRAY['<img src=x onerror=alert(2)>', 'a&b"''', '', E'line\nbreak\x01', repeat('very long ', 90), 'x', NULL])[1 + i * 31 % 7] AS "level's ""column""",
	exp(i * 37 % 1000 / 100.0) AS heavy, CASE WHEN i % 5 > 0 THEN (i % 977) / 3.0 - 100 END AS num,
	(i * 31 % 60)::text || repeat('&<', 60) AS sixty, i * 13 % 3 = 0 AS flag,
	i % 2 AS c01, i % 3 AS c02, i % 5 AS c03, i % 11 AS c04, i % 13 AS c05, i % 17 AS c06, i % 19 AS c07, i % 23 AS c08, i % 29 AS c09, i % 31 AS c10,
	i % 37 AS c11, i % 41 AS c12, i % 43 AS c13, i % 47 AS c14, i % 53 AS c15, i % 59 AS c16, i % 61 AS c17
FROM generate_series(1, 6000) AS i;
SELECT is((SELECT status FROM lead_train_model('<script>alert(0)</script>', 'plot_leads', 'won', key => 'id', time_column => 'at',
	options => '{"lambda": 1}', description => '<script>alert(3)</script>', tags => '{"</dl>": "<script>alert(4)</script>"}')), 'finished', 'trained');
SELECT lead_watch('<script>alert(0)</script>', 'SELECT id, at, won, ' || (SELECT string_agg(CASE WHEN "column" ~ 'level' THEN format('''<script>'' || id %% 9 AS %I', "column")
	WHEN "column" ~ 'num' THEN 'num * 100 AS num' ELSE quote_ident("column") END, ', ') FROM lead_describe(lead_profile(lead_model('<script>alert(0)</script>'))))
	|| ' FROM plot_leads', period => '60 days');
SELECT lead_monitor('<script>alert(0)</script>', until => d)
FROM generate_series(timestamptz '2025-03-02', '2025-12-31', '12 days') AS d;
SELECT lead_promote('<script>alert(0)</script>', 1, 'alias' || i % 3, repeat('<script>because', 20)) FROM generate_series(1, 40) AS i;

CREATE TABLE pictures AS
SELECT what || coalesce(' ' || "column", '') AS name, lead_plot('<script>alert(0)</script>', what, "column") AS svg
FROM (VALUES ('roc', NULL), ('pr', NULL), ('calibration', NULL), ('lift', NULL), ('scores', NULL), ('coefficients', NULL), ('drift', NULL), ('impact', NULL),
	('drift', 'sixty'), ('drift', '(score)'), ('column', 'heavy'), ('column', 'num'), ('column', 'flag'), ('column', 'sixty'), ('column', '(score)'),
	('column', '</title><script>alert(1)</script>'), ('column', 'level''s "column"'), ('quality', NULL), ('quality', 'log_loss')) AS v(what, "column")
UNION ALL SELECT 'lift of 50', lead_plot(lead_lift(i / 1000.0, i % 3 = 0, 50)) FROM generate_series(1, 999) AS i
UNION ALL SELECT 'one bin', lead_plot(lead_calibration(0.25, i % 4 = 0)) FROM generate_series(1, 50) AS i
UNION ALL SELECT 'one tile', lead_plot(lead_lift(0.25, i % 4 = 0, 1)) FROM generate_series(1, 50) AS i
UNION ALL SELECT 'long curve', lead_plot(lead_roc_curve(i / 50000.0, hashint4(i) > 2 ^ 31 * (1 - 2 * i / 50000.0))) FROM generate_series(1, 50000) AS i
UNION ALL SELECT 'long pr curve', lead_plot(lead_pr_curve(i / 50000.0, hashint4(i) > 2 ^ 31 * (1 - 2 * i / 50000.0))) FROM generate_series(1, 50000) AS i
UNION ALL SELECT 'all coefficients', lead_plot(lead_model('<script>alert(0)</script>'), 40)
UNION ALL SELECT 'nothing', lead_plot(NULL::lead_pr_point[]);

SELECT ok(xmlparse(DOCUMENT svg) IS DOCUMENT AND octet_length(svg) < 30000 AND svg !~* '<script|href|url\(|<style|<image|foreignobject| on[a-z]+=[^&]*"'
	AND svg ~ '^<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 [0-9.]+" width="600" height="[0-9.]+" role="img"[^>]*><title>[^<]+</title><desc>[^<]+</desc>'
	AND (SELECT min(m[1]::int) FROM regexp_matches(svg, 'font-size="([0-9]+)"', 'g') AS m) >= 11 AND svg !~ 'NaN|Infinity',
	format('%s: well-formed, %s bytes, nothing that runs or loads, to be read', name, octet_length(svg)))
FROM pictures ORDER BY name COLLATE "C";
SELECT is((SELECT count(*) FROM pictures WHERE svg ~ '<(polyline|path|rect|circle)[^>]*=""'), 0::bigint, 'no element is empty');
SELECT ok(bool_and((SELECT max(m[1]::float8) FROM regexp_matches(svg, '<text x="([0-9.]+)"', 'g') AS m) <= 400
	AND (SELECT max(m[1]::float8) FROM regexp_matches(svg, '<text [^>]*y="([0-9.]+)"', 'g') AS m) < (regexp_match(svg, 'viewBox="0 0 400 ([0-9.]+)"'))[1]::float8),
	'texts begin inside of the picture') FROM pictures;

-- in the right place: a point of a ROC curve, a bar
SELECT ok(lead_plot(ARRAY[ROW(NULL, 0, 0, 0, 0), ROW(0.5, 0.25, 0.8, 8, 5), ROW(0, 1, 1, 10, 20)]::lead_roc_point[])
	~ ' points="50,388 132,151.2 378,92"', 'a point of a ROC curve is where it belongs');
SELECT ok(lead_plot(ARRAY[ROW(1, 10, 5, 0.5, 2, 0.5, 2, 0.5, 1), ROW(2, 10, 0, 0, 0, 0.5, 1, 0, 0.5)]::lead_lift_tile[])
	~ '<rect x="66.4" y="92" width="131.2" height="184" fill="#0072B2"><title>Tile 1: 5 of 10 positive, lift 2, gain 50.0 %</title>', 'a bar of a lift of 2 ends at 2');
SELECT matches(lead_plot(ARRAY[ROW(1, 100, 20, 0, 1, 0.2, 0.2, 0.1, 0.4)]::lead_calibration_bin[]),
	'<line x1="159.3" y1="388" x2="159.3" y2="92"[^>]*/><circle cx="159.3" cy="289.3"', 'a bin of calibration is where it belongs, and its interval');
-- a tick that the axis does not reach is left out, not moved
SELECT is((SELECT array_agg(m[2] || ' % at ' || m[1]) FROM regexp_matches(leadscore.plot_scores('{0.45,0.5}', '{0.5,0.57}', '{1,2}', '{3,4}'),
	'x="([0-9.]+)" y="294"[^>]*>([0-9]+) %', 'g') AS m), '{45 % at 50,50 % at 186.7,55 % at 323.3}'::text[], 'no tick beyond the axis');

-- numbers are those of the aggregates, thinned or not
CREATE TABLE scored AS SELECT i / 50000.0::float8 AS score, hashint4(i) > 2 ^ 31 * (1 - 2 * i / 50000.0) AS won FROM generate_series(1, 50000) AS i;
SELECT cmp_ok(abs((leadscore.curve_of(lead_roc_curve(score, won))->>'area')::float8 - (lead_evaluate(score, won)).auc), '<', 1e-12::float8, 'the area is the AUC') FROM scored;
SELECT cmp_ok(abs((leadscore.curve_of(lead_pr_curve(score, won))->>'area')::float8 - (lead_evaluate(score, won)).average_precision), '<', 1e-12::float8,
	'that of precision and recall is the average precision') FROM scored;
-- in each of 328 columns of pixels the curve reaches as high and as low as before
SELECT is(
	(SELECT array_agg(ROW(part, low, high) ORDER BY part) FROM (SELECT width_bucket(x, 0, 1, 328) AS part, min(y) AS low, max(y) AS high FROM unnest(xs, ys) AS u(x, y) GROUP BY 1) AS b)::text,
	(SELECT array_agg(ROW(part, low, high) ORDER BY part) FROM (SELECT width_bucket(xs[i], 0, 1, 328) AS part, min(ys[i]) AS low, max(ys[i]) AS high
		FROM unnest(leadscore.visible_points(xs, ys, 328)) AS i GROUP BY 1) AS b)::text, 'what can be seen of a curve is kept')
FROM (SELECT array_agg(recall ORDER BY i) AS xs, array_agg(precision ORDER BY i) AS ys
	FROM unnest((SELECT lead_pr_curve(score, won) FROM scored)) WITH ORDINALITY AS c(threshold, precision, recall, tp, fp, i)) AS c;
SELECT cmp_ok((SELECT cardinality(leadscore.visible_points(array_agg(fpr ORDER BY i), array_agg(tpr ORDER BY i), 328))
	FROM unnest((SELECT lead_roc_curve(score, won) FROM scored)) WITH ORDINALITY AS c(threshold, fpr, tpr, tp, fp, i)), '<=', 4 * 329, 'and no more');
SELECT is(round((a.body::jsonb #>> '{roc,area}')::numeric, 12), round(m.value::numeric, 12), 'the AUC of the curve kept is that of the run')
FROM leadscore.artifacts AS a JOIN leadscore.metrics AS m USING (run_id) WHERE a.path = 'curves.json' AND m.key = 'auc';
SELECT is((SELECT sum((s->>2)::bigint + (s->>3)::bigint) FROM jsonb_array_elements(a.body::jsonb->'scores') AS s), r.held_out::numeric, 'all scores are in the histogram kept')
FROM leadscore.artifacts AS a JOIN leadscore.runs AS r USING (run_id) WHERE a.path = 'curves.json';

-- the bins of a column are its rows
SELECT is((SELECT array_agg(ROW(level, rows_before, rows_now)::text ORDER BY bin) FROM lead_drift_bins(p, q, 'num', 4)),
	(SELECT array_agg(ROW(level, a, b)::text ORDER BY low) FROM (SELECT coalesce('[' || low || ', ' || low + 100 || ')', '(null)') AS level,
		low, count(*) FILTER (WHERE won) AS a, count(*) FILTER (WHERE NOT won) AS b FROM plot_leads, LATERAL (SELECT floor(num / 100) * 100 AS low) AS l GROUP BY low) AS c),
	'the bins of a column hold the rows of the table')
FROM (SELECT lead_profile(r) FILTER (WHERE won) AS p, lead_profile(r) FILTER (WHERE NOT won) AS q FROM (SELECT num, won FROM plot_leads) AS r) AS x;

-- the report
CREATE TABLE reports AS SELECT name, lead_report(name) AS html FROM (SELECT '<script>alert(0)</script>' AS name) AS m;
SELECT is((SELECT status FROM lead_train_model('failed', 'SELECT * FROM plot_leads WHERE id < 9', 'won', key => 'id')), 'failed', 'a training that failed');
SELECT is((SELECT status FROM lead_train_model('bare', 'plot_leads', 'won', key => 'id', features => '{flag}', holdout => '{"by": "none"}')), 'finished', 'one without a hold-out');
INSERT INTO reports SELECT name, lead_report(name) FROM (VALUES ('failed'), ('bare'), ('<script>alert(0)</script>@alias1')) AS v(name);
SELECT ok(xmlparse(DOCUMENT html) IS DOCUMENT AND octet_length(html) < 300000, format('report of %s: well-formed, %s bytes', name, octet_length(html)))
FROM reports ORDER BY name COLLATE "C";
SELECT ok(html !~* '<(script|img|link|iframe|object|image)' AND html !~* '(src|href)="[^#]' AND html !~ 'url\(|@import', 'nothing is run or loaded: ' || name)
FROM reports ORDER BY name COLLATE "C";
SELECT is((SELECT array_agg(m[1]) FROM regexp_matches(html, '<section id="(\w+)"', 'g') AS m),
	'{training,quality,coefficients,checks,drift,history,outcomes,rules,versions,deployments}', 'all sections: ' || name) FROM reports ORDER BY name COLLATE "C";
SELECT matches(html, 'No rows were held out', 'without a hold-out that is said') FROM reports WHERE name = 'bare';
SELECT matches(html, 'The last training failed: ', 'a failure is said') FROM reports WHERE name = 'failed';
SELECT matches(html, 'and 21 more', 'long lists are cut, and that is said') FROM reports WHERE name = '<script>alert(0)</script>';

-- what the head says is of the rows held out; features are those that the model uses
CREATE TABLE shares AS SELECT i AS id, timestamptz '2021-01-01' + i * interval '1 hour' AS at, i % 5 AS calls, 7 AS always,
	hashint4(i) % 100 < CASE WHEN i > 800 THEN -20 ELSE 20 END AS won FROM generate_series(1, 1000) AS i;
SELECT is((SELECT live FROM lead_train_model('shares', 'shares', 'won', key => 'id', time_column => 'at', features => '{calls,always}')), true, 'one whose rate falls');
INSERT INTO reports SELECT name, lead_report(name) FROM (VALUES ('shares')) AS v(name);
SELECT is((regexp_match(html, '<b>([0-9.]+ %)</b>of the leads held out positive'))[1],
	(SELECT round(100.0 * count(*) FILTER (WHERE won) / count(*), 1) || ' %' FROM shares WHERE id > 800), 'the rate of the rows held out') FROM reports WHERE name = 'shares';
SELECT ok(html ~ '<dt>Features</dt><dd>1: calls</dd>' AND html ~ '<td>always</td><td>constant</td>', 'a column left out is no feature') FROM reports WHERE name = 'shares';
SELECT lead_monitor('shares', period => '1 day', until => '2021-12-31');
SELECT matches(lead_report('shares'), '0 leads, no drift was measured: no lead in the window', 'nothing measured is not "not drifted"');

-- looks of other windows are not drawn, the later of two with one end counts, a
-- promotion is marked, and a page is of its own version or says whose it is
SELECT lead_monitor('shares', period => p, until => d) FROM (VALUES ('10 days'::interval, '2021-01-20'::timestamptz), ('10 days', '2021-01-20'), ('10 days', '2021-01-30'),
	('1 day', '2021-01-25'), ('14 days', '2021-02-05')) AS v(p, d);
SELECT is((SELECT live FROM lead_train_model('shares', 'shares', 'won', key => 'id', time_column => 'at', features => '{calls}', gate => '{"promote": "always"}')), true, 'a second version');
SELECT matches(lead_report('shares'), 'This is of version 1: there is no such look at version 2 yet', 'whose look it is');
SELECT lead_monitor('shares', period => '10 days', until => '2021-02-11');
SELECT is((SELECT array_agg(ROW(to_timestamp(x) AT TIME ZONE 'UTC', version, others)::text ORDER BY x) FROM leadscore.comparable_runs('shares')),
	'{"(\"2021-01-20 00:00:00\",1,2)","(\"2021-01-30 00:00:00\",1,2)","(\"2021-02-11 00:00:00\",2,2)"}', 'what can be compared');
SELECT is((SELECT monitor_run_id FROM leadscore.comparable_runs('shares') WHERE x = extract(epoch FROM timestamptz '2021-01-20')),
	(SELECT max(monitor_run_id) FROM leadscore.monitor_run WHERE name = 'shares' AND window_to = '2021-01-20'), 'the later of two');
SELECT ok(svg ~ '>v2<' AND svg ~ '; 2 looks not drawn<', 'a promotion is marked, what is left out is said') FROM lead_plot('shares', 'drift', 'calls') AS svg;
SELECT matches(lead_plot('shares@1', 'IMPACT'), '>Version 1: 2021-01-22 to 2021-02-05; newest look: no leads<', 'which look, and that there is an empty one');
SELECT matches(lead_plot('shares', 'column', 'calls'), 'Version 2: 2021-02-01 to 2021-02-11.*>training \(800 rows\)<', 'compared with what');
SELECT is((SELECT count(*) FROM regexp_matches(lead_report('shares@1'), 'This is of version', 'g')), 0::bigint, 'a page of the version that was looked at');
SELECT is(leadscore.cut_text(cut), told, 'where a hold-out begins') FROM (VALUES ('2025-03-11T23:59:59.999999+00:00', '2025-03-11 23:59 UTC'), ('17.5', '17.5')) AS v(cut, told);

-- a column and the label
CREATE TABLE rated AS SELECT lead_frame(won, r) AS frame FROM (SELECT won, calls, 'city ' || id % 40 AS city FROM shares) AS r;
SELECT ok(xmlparse(DOCUMENT svg) IS DOCUMENT AND svg ~ ('<title>0: ' || leadscore.share_text(rate) || ' \(') AND svg ~ '>of all: ', 'rates by level')
FROM rated, lead_plot(frame, 'calls') AS svg, lead_describe_label(frame) AS d WHERE d."column" = 'calls' AND cell = 1;
SELECT matches(lead_plot(frame, 'city'), '; 30 of 40 levels<', 'of many levels 30') FROM rated;
SELECT throws_ok('SELECT lead_plot(frame, ''none'') FROM rated', '42703', 'the frame does not tell what column "none" says about the label', 'no such column');
SELECT ok(lead_plot(frame, NULL) LIKE '<svg%' AND lead_plot(NULL::leadframe, 'x') LIKE '<svg%', 'nothing to draw') FROM rated;

-- what there is only sometimes
SELECT ok(html !~ '<section id="(policy|frames|jobs)"', 'no section without policy, frames and jobs') FROM reports WHERE name = 'shares';
INSERT INTO leadscore.policies (name, policy) VALUES ('shares', '{"max_age": "90 days"}');
INSERT INTO leadscore.decisions (name, decision, reasons, numbers) VALUES ('shares', 'kept', '{"<nothing> calls for it"}', '{}');
INSERT INTO leadscore.frame_keeping (name, period, maturity, recipe) VALUES ('shares', 'day', '0', '{}');
INSERT INTO leadscore.kept_frames (name, starts, ends, rows, positives, unknown) VALUES ('shares', '2021-01-01', '2021-01-02', 0, 0, 0), ('shares', '2021-01-02', '2021-01-03', 0, 0, 0);
INSERT INTO leadscore.jobs (name, action, schedule, timezone, scheduled_in) VALUES ('shares', 'monitor', '0 3 * * *', 'GMT', 'here');
SELECT matches(lead_report('shares'), '<dt>max_age</dt><dd>90 days</dd>.*<td>kept</td>.*&lt;nothing&gt; calls for it', 'policy and decisions');
SELECT matches(lead_report('shares'), '<td>day</td><td class="n">2</td><td class="n">2</td><td class="t">2021-01-01 00:00 UTC</td><td class="t">2021-01-03 00:00 UTC</td>', 'kept frames');
SELECT matches(lead_report('shares'), '<td>monitor</td><td>0 3 \* \* \* GMT</td>', 'jobs');
UPDATE leadscore.metrics SET value = 0.99 WHERE key = 'auc' AND run_id = (SELECT run_id FROM leadscore.versions WHERE name = 'shares' AND version = 2);
SELECT matches(lead_report('shares'), 'An AUC of 0.990 on the hold-out', 'too good to be true');

-- who may see what
CREATE ROLE plot_reader;
CREATE ROLE plot_stranger;
SELECT lead_grant('plot_reader', 'reader');
GRANT SELECT ON scored, reports TO plot_reader, plot_stranger;
SET LOCAL ROLE plot_stranger;
SELECT ok(lead_plot(lead_roc_curve(score, won)) LIKE '<svg%', 'a picture of one''s own scores needs no right on the registry') FROM scored;
SET LOCAL ROLE plot_reader;
SELECT throws_ok('SELECT * FROM leadscore.holdouts', '42501', NULL, 'a reader may not see the rows held out');
SELECT is(regexp_replace(lead_report(name), '<footer>.*', ''), regexp_replace(html, '<footer>.*', ''), 'and has the report all the same') FROM reports WHERE name ~ 'script.*t>$';
SELECT ok(r ~ '<section id="policy"' AND r !~ '<section id="frames"', 'frames are not for readers') FROM lead_report('shares') AS r;
RESET ROLE;

-- a statistic may be infinite: it is on the edge, and the others keep their scale
SELECT matches(leadscore.plot_series('t', 's', '{a,b}', 'y', 'number', '{0,1e6}', ARRAY[2, y], NULL, NULL, '{1,1}', NULL, NULL, '{t,t}', true, NULL),
	'>2\.0</text>.*<circle cx="[0-9.]+" cy="' || cy || '"', 'a value of ' || y)
FROM (VALUES (2::float8, '92'), ('Infinity', '92')) AS v(y, cy);

SELECT * FROM finish();
ROLLBACK;
