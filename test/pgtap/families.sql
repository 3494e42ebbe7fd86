-- The comparison of families: figures of lead_cv(), the rule of one standard error.
BEGIN;
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(33);

-- The line is the truth of the one, steps and an interaction that of the other.
CREATE TABLE rows AS
SELECT i AS id, x, k, 'c' || i % 4 AS city, timestamp '2025-01-01' + i * interval '1 hour' AS seen, 0.1 * (i % 3) AS prior,
	u < 1 / (1 + exp(-(x / 20.0 - 2.5 + (i % 4) / 2.0))) AS line, u < CASE WHEN (x > 50) = (k > 5) THEN 0.9 ELSE 0.1 END AS steps
FROM (SELECT i, (i * 7919 % 101)::int AS x, (i * 104729 % 11)::int AS k, (hashint8(i) & 65535) / 65536.0 AS u
	FROM generate_series(1, 4000::bigint) i) s;
CREATE TEMP TABLE frames AS
SELECT lead_frame(line, r) AS line, lead_frame(steps, r) AS steps
FROM rows, LATERAL (SELECT x, k, city) r;
CREATE TEMP TABLE compared AS
SELECT 'line' AS truth, f.line AS frame, c.* FROM frames f, lead_compare_families(f.line) c
UNION ALL SELECT 'steps', f.steps, c.* FROM frames f, lead_compare_families(f.steps) c;

SELECT is(count(*), 7::bigint, truth || ': seven families') FROM compared GROUP BY truth ORDER BY truth;
SELECT is(count(*) FILTER (WHERE winner), 1::bigint, truth || ': one of them wins') FROM compared GROUP BY truth ORDER BY truth;
SELECT is(winner, true, 'where the line is the truth it wins') FROM compared WHERE truth = 'line' AND family = 'line';
SELECT ok(winner, 'where steps are, boosted trees or the forest win') FROM compared WHERE truth = 'steps' AND winner AND family IN ('boost', 'forest');
SELECT is(array_agg(family), array_agg(family ORDER BY auc DESC), truth || ': sorted by AUC')
FROM compared GROUP BY truth ORDER BY truth;
SELECT results_eq('SELECT truth, family, auc, auc_error, auc_pooled, log_loss, brier, precision, recall, f1 FROM compared ORDER BY 1, 2',
	$$SELECT truth, family, avg(c.auc) FILTER (WHERE fold >= 0), stddev_samp(c.auc) FILTER (WHERE fold >= 0) / sqrt(5), max(c.auc) FILTER (WHERE fold IS NULL),
		avg(c.log_loss) FILTER (WHERE fold >= 0), max(c.brier) FILTER (WHERE fold IS NULL), max(c.precision) FILTER (WHERE fold IS NULL),
		max(c.recall) FILTER (WHERE fold IS NULL), max(c.f1) FILTER (WHERE fold IS NULL)
	FROM compared f, lead_cv(frame, options_used) c GROUP BY 1, 2 ORDER BY 1, 2$$, 'the figures are those of lead_cv()');
SELECT is(array_agg(bytes), array_agg(octet_length(lead_fit(frame, options_used))), 'the bytes are those of the model of all rows') FROM compared;
SELECT ok(bool_and(fit_ms > 0 AND score_ms > 0), 'times were taken') FROM compared;
SELECT is(array_agg(winner ORDER BY place), array_agg(place = first ORDER BY place), 'the simplest within one standard error of the best wins')
FROM (SELECT c.winner, f.place, min(f.place) FILTER (WHERE c.auc >= best.auc - best.auc_error) OVER () AS first
	FROM compared c JOIN leadscore.families((SELECT line FROM frames), '{}') f USING (family),
		(SELECT * FROM compared WHERE truth = 'line' ORDER BY auc DESC LIMIT 1) best WHERE c.truth = 'line') s;

-- the dummy is the share of positives of the rows that it was trained on
SELECT is(auc, 0.5::float8, truth || ': the dummy knows nothing') FROM compared WHERE family = 'dummy' ORDER BY truth;
SELECT cmp_ok(max(abs(s.score - (t.pos - s.pos)::float8 / (t.n - s.n))), '<', 1e-9::float8, 'but the share of positives')
FROM (SELECT fold, max(score) AS score, sum(positives) AS pos, sum(positives + negatives) AS n
	FROM compared, lead_cv_scores(frame, options_used) WHERE truth = 'line' AND family = 'dummy' GROUP BY fold) s,
	(SELECT count(*) FILTER (WHERE line) AS pos, count(*) AS n FROM rows) t;

-- by log loss; other rows' order; messages
SELECT is(array_agg(c.family), array_agg(c.family ORDER BY c.log_loss), 'sorted by log loss')
FROM frames f, lead_compare_families(f.steps, folds => 3, sort_by => 'log_loss') c;
SELECT results_eq('SELECT family, winner, auc, log_loss, bytes FROM compared WHERE truth = $$line$$',
	$$SELECT family, winner, auc, log_loss, bytes
	FROM (SELECT lead_frame(line, r) AS f FROM (SELECT * FROM rows ORDER BY md5(id::text)) s, LATERAL (SELECT x, k, city) r) t, lead_compare_families(f)$$,
	'shuffled rows, the same answer');
SELECT is(current_setting('client_min_messages'), 'error', 'messages are as they were');

-- bins of numbers, but not where the options say otherwise; parts of times are levels
SELECT is(options_used -> 'columns', '{"x": {"bins": 5}, "k": {"bins": 10, "min_count": 3}}', 'bins where nothing else is asked for')
FROM (SELECT lead_frame(line, r, '{"columns": {"seen": {"parts": ["hour"]}}}') AS f
	FROM rows, LATERAL (SELECT x, k, city, seen) r) t,
	lead_compare_families(f, '{"columns": {"x": {"bins": 5}, "k": {"min_count": 3}}}', 2) WHERE family = 'line with bins';
SELECT ok(note LIKE '%offset%' AND auc IS NULL AND NOT winner, 'a forest and an offset: a note')
FROM (SELECT lead_frame(line, r, '{"offset": "prior"}') AS f FROM rows, LATERAL (SELECT x, prior) r) t, lead_compare_families(f, folds => 2) WHERE family = 'forest';
SELECT is_empty('SELECT * FROM lead_compare_families(NULL::leadframe)', 'no frame, no rows');
SELECT throws_ok(format('SELECT * FROM frames f, lead_compare_families(f.line, %s)', a), '22023', NULL::text, 'refused: ' || a)
FROM unnest('{"sort_by => ''f1''", "''{\"lambda\": 3}''"}'::text[]) a;
-- by name: the rows that the recipe trains on, and those of its options that fit all
SELECT isnt_empty($$SELECT FROM lead_train_model('f', 'rows', 'steps', '{x,k,city}', key => 'id',
	options => '{"family": "boost", "trees": 5, "min_count": 30, "columns": {"x": {"monotone": "increasing", "bins": 5}}}') WHERE status = 'finished'$$, 'a recipe of boosted trees');
SELECT results_eq($$SELECT family, auc, log_loss, bytes FROM lead_compare_families('f', folds => 2)$$,
	$$SELECT c.family, c.auc, c.log_loss, c.bytes FROM (SELECT lead_frame(steps, r) AS f FROM rows, LATERAL (SELECT x, k, city) r WHERE lead_fold(id, 5) <> 0) t,
	lead_compare_families(f, '{"min_count": 30, "columns": {"x": {"bins": 5}}}', 2) c$$, 'by name as on a frame of the rows that are not held out');
SELECT is((SELECT rows FROM lead_train_model('t', 'SELECT * FROM rows', 'steps', '{x,k,city}', key => 'id', time_column => 'seen') WHERE status = 'finished'), 3200::bigint, 'another by time, of a query');
SELECT results_eq($$SELECT family, auc, log_loss FROM lead_compare_families('t', '{"min_count": 5}', folds => 2)$$,
	$$SELECT c.family, c.auc, c.log_loss FROM (SELECT lead_frame(steps, r) AS f FROM rows, LATERAL (SELECT x, k, city) r WHERE id <= 3200) t,
	lead_compare_families(f, '{"min_count": 5}', 2) c$$, 'by name with a hold-out by time, options put over the recipe''s');
SELECT results_eq($$SELECT family, auc, log_loss FROM lead_compare_families('t', folds => 2, folds_by => 'time')$$,
	$$SELECT c.family, c.auc, c.log_loss FROM (SELECT lead_frame(steps, r, '{"time": "seen"}') AS f FROM rows, LATERAL (SELECT x, k, city, seen) r WHERE id <= 3200) t,
	lead_compare_families(f, NULL, 2, folds_by => 'time') c$$, 'with folds by the recipe''s time');
SELECT isnt_empty($$SELECT FROM lead_train_model('c', 'rows', 'steps', '{x,k,city}', key => 'id',
	options => '{"calibrate": "platt", "robust": true, "columns": {"x": {"transform": "log1p"}, "city": {"reference": "c1", "min_count": 5}}}') WHERE status = 'finished'$$, 'a recipe with what trees do not know');
SELECT results_eq($$SELECT family, options_used->'calibrate' FROM lead_compare_families('c', folds => 2) WHERE note IS NULL AND options_used #> '{columns,city}' = '{"min_count": 5}' ORDER BY 1$$,
	$$SELECT unnest('{boost,dummy,forest,lasso,line,line with bins,ridge}'::text[]), '"platt"'::jsonb$$, 'only what all families know is theirs');
SELECT is_empty('SELECT * FROM lead_compare_families(NULL::text)', 'no name, no rows');
DELETE FROM rows;
SELECT throws_ok($$SELECT * FROM lead_compare_families('f')$$, '22000', 'there are no rows to train model "f" on', 'a source that is empty');
SELECT throws_ok($$SELECT * FROM lead_compare_families('nobody')$$, '42704', 'model "nobody" does not exist', 'an unknown name');

SELECT * FROM finish();
ROLLBACK;
