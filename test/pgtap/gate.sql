-- The gate: DeLong's paired comparison against its definition, and the verdicts.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT no_plan();

CREATE TABLE leads AS
SELECT i AS id, ('{Delhi,Mumbai,Pune,Chennai,NULL}'::text[])[1 + i * 7 % 5] AS city, i * 31 % 11 AS clicks,
	CASE WHEN i % 13 > 0 THEN (i * 17 % 101) / 4.0 END AS visits,
	timestamptz '2025-01-01 00:00+00' + i * interval '1 hour' AS created, (i % 3)::float8 AS known, i * 31 % 11 + i * 7 % 5 + i * 7919 % 23 > 18 AS won
FROM generate_series(1, 900) AS i;
CREATE TEMP TABLE judged AS
SELECT a, b, f FROM
	(SELECT lead_train(won, l, '{"exclude": ["id", "created", "known"]}') AS a,
		lead_train(won, l, '{"exclude": ["id", "city", "visits", "known"], "columns": {"created": {"parts": ["hour", "dow"]}}, "timezone": "Asia/Kolkata"}') AS b
	FROM leads l WHERE id % 3 > 0) m,
	(SELECT lead_frame(won, l, '{"exclude": ["id", "known"], "columns": {"created": {"parts": ["hour", "dow"]}}, "timezone": "Asia/Kolkata"}') AS f
	FROM leads l WHERE id % 3 = 0) f;
CREATE TEMP TABLE scored AS
SELECT won, lead_score(a, l) AS sa, lead_score(b, l) AS sb FROM leads l, judged WHERE id % 3 = 0;

-- frames are scored as their rows are, to the last bit
SELECT results_eq('SELECT score, sum(positives), sum(negatives) FROM judged, lead_score_frame(a, f) GROUP BY 1 ORDER BY 1',
	'SELECT sa, count(*) FILTER (WHERE won)::numeric, count(*) FILTER (WHERE NOT won)::numeric FROM scored GROUP BY 1 ORDER BY 1',
	'scores of a frame');
SELECT results_eq('SELECT score, sum(positives), sum(negatives) FROM judged, lead_score_frame(b, f) GROUP BY 1 ORDER BY 1',
	'SELECT sb, count(*) FILTER (WHERE won)::numeric, count(*) FILTER (WHERE NOT won)::numeric FROM scored GROUP BY 1 ORDER BY 1',
	'scores of a frame with parts of times');
SELECT is(lead_evaluate_frame(a, f), (SELECT lead_evaluate(sa, won) FROM scored), 'quality on a frame') FROM judged;
SELECT is(lead_evaluate_frame(b, f, 0.3), (SELECT lead_evaluate(sb, won, 0.3) FROM scored), 'quality at a threshold') FROM judged;
SELECT throws_ok($$SELECT lead_evaluate_frame(a, (SELECT lead_frame(won, l, '{"exclude": ["city"]}') FROM leads l)) FROM judged$$, '42703',
	'the frame cannot be scored without column "city"', 'a column that the frame lacks');
SELECT throws_ok($$SELECT lead_evaluate_frame(b, (SELECT lead_frame(won, l) FROM leads l)) FROM judged$$, '42703', NULL, 'a part that the frame lacks');
SELECT is((lead_evaluate_frame(a, lead_frame(NULL::boolean, l))).n, 0::bigint, 'no row, nothing to say') FROM judged, leads l WHERE id < 9 GROUP BY a;

-- an offset is a part of the score
CREATE TEMP TABLE m AS
SELECT lead_train(won, l, '{"exclude": ["id", "created"], "offset": "known"}') AS m, lead_frame(won, l, '{"exclude": ["id", "created"], "offset": "known"}') AS f
FROM leads l;
SELECT results_eq('SELECT DISTINCT score FROM m, lead_score_frame(m, f) ORDER BY 1', 'SELECT DISTINCT lead_score(m, l) FROM m, leads l ORDER BY 1', 'scores with an offset');

-- DeLong by its definition
CREATE TEMP TABLE pairs AS
SELECT row_number() OVER () AS i, won, sa, sb FROM scored;
CREATE TEMP TABLE above AS		-- the share of negatives below a positive
SELECT p.i, avg(CASE WHEN p.sa > n.sa THEN 1.0 WHEN p.sa = n.sa THEN 0.5 ELSE 0 END::float8) AS a,
	avg(CASE WHEN p.sb > n.sb THEN 1.0 WHEN p.sb = n.sb THEN 0.5 ELSE 0 END::float8) AS b
FROM pairs p, pairs n WHERE p.won AND NOT n.won GROUP BY p.i;
CREATE TEMP TABLE below AS
SELECT n.i, avg(CASE WHEN p.sa > n.sa THEN 1.0 WHEN p.sa = n.sa THEN 0.5 ELSE 0 END::float8) AS a,
	avg(CASE WHEN p.sb > n.sb THEN 1.0 WHEN p.sb = n.sb THEN 0.5 ELSE 0 END::float8) AS b
FROM pairs p, pairs n WHERE p.won AND NOT n.won GROUP BY n.i;
CREATE TEMP TABLE delong AS
SELECT (SELECT avg(a) FROM above) AS auc_a, (SELECT avg(b) FROM above) AS auc_b,
	sqrt((SELECT var_samp(b - a) / count(*) FROM above) + (SELECT var_samp(b - a) / count(*) FROM below)) AS se;
SELECT unnest(ARRAY[ok(abs(c.champion_auc - d.auc_a) < 1e-12 AND abs(c.challenger_auc - d.auc_b) < 1e-12, 'AUC of both'),
	ok(abs(c.delta - (d.auc_b - d.auc_a)) < 1e-12, 'their difference'),
	ok(abs(c.std_error / d.se - 1) < 1e-10, 'its standard error'),
	ok(abs(c.low - (d.auc_b - d.auc_a - 1.959963984540054 * d.se)) < 1e-12 AND abs(c.high - (d.auc_b - d.auc_a + 1.959963984540054 * d.se)) < 1e-12, 'its interval'),
	is(c.n, 300::bigint, 'the rows'),
	is(c.positives, (SELECT count(*) FROM pairs WHERE won), 'the positives'),
	ok(abs(c.champion_log_loss - (SELECT (lead_evaluate(sa, won)).log_loss FROM pairs)) < 1e-12
		AND abs(c.challenger_log_loss - (SELECT (lead_evaluate(sb, won)).log_loss FROM pairs)) < 1e-12, 'log loss of both')])
FROM judged, delong d, lead_compare(a, b, f) c;
SELECT ok(c.delta = 0 AND c.std_error = 0 AND c.low = 0, 'a model is as good as itself') FROM judged, lead_compare(a, a, f) c;
SELECT ok(c.delta IS NULL AND c.champion_auc IS NULL AND c.n > 0, 'one class only: nothing to compare')
FROM judged, (SELECT lead_frame(won, l) AS f FROM leads l WHERE won) one, lead_compare(a, a, one.f) c;

-- verdicts
CREATE FUNCTION pg_temp.verdict(gate jsonb, champion integer, low float8, high float8, loss float8, evaluation jsonb DEFAULT '{"auc": 0.8, "precision": 0.7, "recall": 0.6, "log_loss": 0.5}')
RETURNS text LANGUAGE sql AS $$
	SELECT verdict || CASE WHEN passed THEN ', passed' ELSE '' END
	FROM leadscore.judge(gate, champion, CASE WHEN champion IS NOT NULL THEN jsonb_build_object('low', low, 'high', high,
		'champion_log_loss', 1, 'challenger_log_loss', loss) END, evaluation)
$$;
SELECT is(pg_temp.verdict('{}', NULL, NULL, NULL, NULL), 'first, passed', 'the first one');
SELECT is(pg_temp.verdict('{}', 1, 0.001, 0.02, 0.99), 'better, passed', 'better for certain');
SELECT is(pg_temp.verdict('{}', 1, -0.009, 0.02, 1.01), 'good enough, passed', 'not worse than the margin');
SELECT is(pg_temp.verdict('{}', 1, -0.009, -0.001, 1.0), 'good enough, passed', 'a little worse, within the margin');
SELECT is(pg_temp.verdict('{}', 1, -0.01, 0.02, 1.0), 'too few rows to tell', 'the bound is not above the margin');
SELECT is(pg_temp.verdict('{}', 1, -0.03, 0.02, 1.0), 'too few rows to tell', 'could be worse, could be better');
SELECT is(pg_temp.verdict('{"too_few": "promote"}', 1, -0.03, 0.02, 1.0), 'too few rows to tell, passed', 'unless that is to do');
SELECT is(pg_temp.verdict('{}', 1, -0.03, -0.001, 1.0), 'worse', 'worse for certain');
SELECT is(pg_temp.verdict('{}', 1, 0.001, 0.02, 1.011), 'worse', 'better ranked, but the probabilities are off');
SELECT is(pg_temp.verdict('{"log_loss_ratio": 1.2}', 1, 0.001, 0.02, 1.011), 'better, passed', 'unless that is allowed');
SELECT is(pg_temp.verdict('{"margin": 0.05}', 1, -0.03, 0.02, 1.0), 'good enough, passed', 'another margin');
SELECT is(pg_temp.verdict('{}', 1, NULL, NULL, NULL), 'too few rows to tell', 'no rows to compare on');
SELECT is(pg_temp.verdict('{"min_auc": 0.75, "min_precision": 0.65, "min_recall": 0.6}', 1, 0.001, 0.02, 0.99), 'better, passed', 'thresholds that are met');
SELECT is(pg_temp.verdict('{"min_auc": 0.75, "min_precision": 0.65, "min_recall": 0.75}', 1, 0.001, 0.02, 0.99), 'below threshold', 'one that is not');
SELECT is(pg_temp.verdict('{"min_auc": 0.75}', NULL, NULL, NULL, NULL, NULL), 'below threshold', 'what is not known is not met');
SELECT is(pg_temp.verdict('{"max_log_loss": 0.4}', NULL, NULL, NULL, NULL), 'below threshold', 'a log loss that is too high');
SELECT is(pg_temp.verdict('{"promote": "never"}', 1, 0.001, 0.02, 0.99), 'better', 'never');
SELECT is(pg_temp.verdict('{"promote": "always", "min_auc": 0.9}', 1, -0.1, -0.05, 2), 'below threshold, passed', 'always');

-- in the life of a model
SELECT lives_ok($$SELECT lead_train_model('g', 'leads', 'won', key => 'id')$$, 'trained');
SELECT results_eq($$SELECT live, verdict FROM lead_train_model('g', 'leads', 'won', key => 'id', features => '{visits}')$$,
	$$VALUES (false, 'worse')$$, 'a model that knows less is not promoted');
SELECT results_eq($$SELECT live, verdict FROM lead_train_model('g', 'leads', 'won', key => 'id', gate => '{"min_auc": 0.99}')$$,
	$$VALUES (false, 'below threshold')$$, 'nor one below a threshold');
SELECT is(numbers->'below', '["auc"]', 'which is recorded') FROM leadscore.verdicts WHERE verdict = 'below threshold';
SELECT is(lead_model_version('g'), 1, 'the first is live all the time');
SELECT is((SELECT (v.numbers #>> '{compared,champion_auc}')::float8::numeric(14, 12) FROM lead_versions('g') l JOIN leadscore.verdicts v USING (run_id) WHERE l.version = 2),
	(SELECT (m.value)::numeric(14, 12) FROM lead_versions('g') l JOIN leadscore.metrics m USING (run_id) WHERE l.version = 1 AND m.key = 'auc'),
	'champion and challenger meet on the rows that judged the champion');
SELECT results_eq($$SELECT live, verdict FROM lead_train_model('g', 'leads', 'won', key => 'id', holdout => '{"by": "key", "seed": 1}')$$,
	$$VALUES (false, 'too few rows to tell')$$, 'with another hold-out only rows count that neither has seen');
SELECT is((SELECT (v.numbers #>> '{compared,n}')::bigint FROM lead_versions('g') l JOIN leadscore.verdicts v USING (run_id) WHERE l.version = 4),
	(SELECT count(*) FROM leads WHERE lead_fold(id, 5) = 0 AND lead_fold(id, 5, 1) = 0), 'just those');
SELECT results_eq($$SELECT live, verdict FROM lead_train_model('all', 'leads', 'won', key => 'id', refit => true)$$,
	$$VALUES (true, 'first')$$, 'a model of all rows');
SELECT is(lead_model('all'), lead_train_columns(won, jsonb_build_object('names', '["city", "clicks", "visits", "created", "known"]'::jsonb, 'timezone', current_setting('TimeZone')), city, clicks, visits, created, known), 'is one of all rows') FROM leads;
SELECT results_eq($$SELECT live, verdict FROM lead_retrain('all')$$, $$VALUES (false, 'too few rows to tell')$$, 'has seen all rows, so nothing judges it');

-- null takes a key out of the stored gate
SELECT lead_train_model('n', 'leads', 'won', key => 'id', gate => '{"min_auc": 0.99, "margin": 0.02}');
SELECT is((SELECT verdict FROM lead_retrain('n')), 'below threshold', 'a threshold is a part of the recipe');
SELECT is((SELECT verdict FROM lead_retrain('n', gate => '{"min_auc": null}')), 'first', 'until it is taken out');
SELECT results_eq($$SELECT verdict FROM lead_retrain('n')$$, $$VALUES ('good enough')$$, 'for good');
SELECT is((SELECT spec->'gate' FROM leadscore.runs WHERE model = 'n' ORDER BY started_at DESC LIMIT 1), '{"margin": 0.02}', 'the others stay');
SELECT is((SELECT verdict FROM lead_train_model('null', 'leads', 'won', key => 'id', gate => '{"min_auc": null, "promote": null, "min_rows": null}')), 'first', 'null from the start is as if not written');
SELECT throws_ok($$SELECT lead_retrain('n', gate => '{"min_acu": null}')$$, '22023', 'unknown key "min_acu" in gate', 'a key that does not exist');


-- a champion that the rows of today can't be scored with stops no training, and judges nothing
CREATE TABLE changing AS SELECT id, city, clicks, known AS gone, created, won FROM leads;
SELECT is((SELECT verdict FROM lead_train_model('ch', 'changing', 'won', key => 'id', exclude => '{created}')), 'first', 'a champion with a column that goes');
SELECT lead_train_model('ch', 'changing', 'won', key => 'id', features => '{city,clicks}', gate => '{"promote": "never"}');
ALTER TABLE changing DROP COLUMN gone;
SELECT results_eq($$SELECT status, verdict, live FROM lead_retrain('ch', gate => '{"promote": "passed"}')$$,
	$$VALUES ('finished', 'too few rows to tell', false)$$, 'the champion''s column is gone');
ALTER TABLE changing ADD COLUMN gone text;
UPDATE changing SET gone = 'x' || id % 2;
SELECT results_eq($$SELECT status, verdict, live FROM lead_train_model('ch', 'changing', 'won', key => 'id', exclude => '{created}')$$,
	$$VALUES ('finished', 'too few rows to tell', false)$$, 'and has come back with another type');
SELECT is((SELECT count(*) FROM leadscore.verdicts JOIN leadscore.runs USING (run_id) WHERE model = 'ch' AND numbers ? 'not_compared'), 2::bigint,
	'the verdicts say why');

-- a champion of all rows has seen all that were there: only later ones judge it
SELECT is((SELECT verdict FROM lead_train_model('re', 'changing', 'won', key => 'id', features => '{city,clicks}', refit => true,
	holdout => '{"by": "time", "column": "created"}')), 'first', 'a champion of all rows');
SELECT results_eq($$SELECT verdict, live FROM lead_train_model('re', 'changing', 'won', key => 'id', features => '{city,clicks}')$$,
	$$VALUES ('too few rows to tell', false)$$, 'no row is new to it');
INSERT INTO changing (id, city, clicks, created, won) SELECT id + 900, city, clicks, created + interval '900 hours', won FROM changing;
SELECT lead_train_model('re', 'changing', 'won', key => 'id', features => '{city,clicks}', holdout => '{"by": "time", "column": "created", "share": 0.6}');
SELECT is((SELECT (numbers #>> '{compared,n}')::bigint FROM leadscore.verdicts JOIN leadscore.versions USING (run_id) WHERE name = 're' AND version = 3),
	(SELECT count(won) FROM changing WHERE id > 900), 'the rows that came later are');

-- rows held out of one class judge nothing, which is said
SELECT is((SELECT auc FROM lead_train_model('one', 'SELECT id, city, clicks, created, won AND id <= 600 AS won FROM leads', 'won',
	key => 'id', time_column => 'created')), NULL, 'no winner among the latest: no AUC');
SELECT results_eq($$SELECT severity, "check" FROM leadscore.checks JOIN leadscore.runs USING (run_id) WHERE model = 'one' AND severity = 'warning'$$,
	$$VALUES ('warning', 'hold-out')$$, 'and a check that says so');

SELECT * FROM finish();
ROLLBACK;
