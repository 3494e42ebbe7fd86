-- lead_auto(): what it chooses is what the functions that it is made of say, and only
-- that is registered.
BEGIN;
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(35);

-- The line is the truth of the one, steps and an interaction that of the other, chance
-- that of the third.
CREATE TABLE leads AS
SELECT i AS id, x, k, 'c' || i % 4 AS city, timestamp '2025-01-01' + i * interval '1 hour' AS created,
	u < 1 / (1 + exp(-(x / 20.0 - 2.5 + (i % 4) / 2.0))) AS line, u < CASE WHEN (x > 50) = (k > 5) THEN 0.9 ELSE 0.1 END AS steps, u < 0.5 AS coin
FROM (SELECT i, (i * 7919 % 101)::int AS x, (i * 104729 % 11)::int AS k, (hashint8(i) & 65535) / 65536.0 AS u
	FROM generate_series(1, 4000::bigint) i) s;
CREATE TEMP TABLE tried AS SELECT row_number() OVER () AS i, a.*
FROM lead_auto('steps', 'leads', 'steps', NULL, '{x,k,city}', key => 'id', folds => 3) a;
CREATE TEMP TABLE train AS SELECT lead_frame(steps, r) AS frame FROM leads, LATERAL (SELECT x, k, city) r WHERE lead_fold(id, 5) <> 0;

-- families
SELECT results_eq($$SELECT family, mean, round(standard_error::numeric, 12), auc, log_loss, chosen, options_used FROM tried WHERE step = 'compare' ORDER BY family$$,
	$$SELECT c.family, c.auc, round(c.auc_error::numeric, 12), c.auc_pooled, lead_cv.log_loss, c.winner, c.options_used
	FROM train, lead_compare_families(frame, folds => 3) c, lead_cv(frame, c.options_used, 3) WHERE lead_cv.fold IS NULL ORDER BY 1$$,
	'families are judged on the rows that are not held out, as lead_compare_families() does');
SELECT is((SELECT count(*) FROM tried WHERE step = 'compare' AND chosen AND family IN ('boost', 'forest')), 1::bigint, 'steps are a matter of trees');
SELECT ok(bool_and(reason IS NOT NULL), 'each has a reason') FROM tried;
SELECT is(array_agg(mean ORDER BY i), array_agg(mean ORDER BY mean DESC), 'the best family first') FROM tried WHERE step = 'compare';

-- options
SELECT ok(count(*) > 30 AND bool_and(t.family = c.family), 'options of that family are tried') FROM tried t, tried c WHERE t.step = 'tune' AND c.step = 'compare' AND c.chosen GROUP BY c.family;
SELECT results_eq($$SELECT mean, round(standard_error::numeric, 12), auc FROM tried WHERE step = 'tune' ORDER BY i LIMIT 3$$,
	$$SELECT avg(c.auc) FILTER (WHERE fold IS NOT NULL), round((stddev_samp(c.auc) FILTER (WHERE fold IS NOT NULL) / sqrt(3))::numeric, 12), max(c.auc) FILTER (WHERE fold IS NULL)
	FROM train, (SELECT i, options_used FROM tried WHERE step = 'tune' ORDER BY i LIMIT 3) t, lead_cv(frame, t.options_used, 3) c GROUP BY i ORDER BY i$$,
	'and judged on the same folds');
SELECT is((SELECT count(*) FROM tried WHERE step = 'tune' AND chosen), (SELECT (max(mean) FILTER (WHERE step = 'tune') >= max(mean) FILTER (WHERE step = 'compare' AND chosen))::int::bigint FROM tried),
	'they are chosen only if they are no worse than the family''s own');

-- the version
SELECT is(r.options_used, c.options_used, 'what was chosen last is registered') FROM (SELECT options_used FROM tried WHERE step = 'register') r,
	(SELECT options_used FROM tried WHERE chosen AND step <> 'register' ORDER BY step = 'tune' DESC LIMIT 1) c;
SELECT results_eq($$SELECT version, chosen, reason FROM tried WHERE step = 'register'$$, $$VALUES (1, true, 'first')$$, 'as version 1');
WITH again AS MATERIALIZED (SELECT lead_fit(frame, options_used) AS model FROM train, tried WHERE step = 'register')
SELECT is((SELECT sum(lead_score(v.model, l)) FROM leads l, leadscore.versions v WHERE v.name = 'steps'), (SELECT sum(lead_score(a.model, l)) FROM leads l, again a),
	'the model is that of the rows that are not held out');
SELECT is((SELECT auc FROM tried WHERE step = 'register'), (SELECT (lead_evaluate(lead_score(v.model, l), steps)).auc FROM leads l, leadscore.versions v WHERE v.name = 'steps' AND lead_fold(id, 5) = 0),
	'its AUC is that of those that are');
SELECT is((lead_retrain('steps')).status, 'finished', 'it can be trained again');

-- runs
SELECT results_eq($$SELECT r.action, count(*) FROM leadscore.runs r WHERE model = 'steps' AND run_id NOT IN (SELECT run_id FROM leadscore.tags WHERE key = 'mlflow.parentRunId') GROUP BY 1 ORDER BY 1$$,
	$$VALUES ('retrain', 1::bigint), ('train', 1), ('tune', 1)$$, 'one run of the choice, one of the training');
SELECT is((SELECT count(*) FROM tried t JOIN leadscore.tags g USING (run_id) WHERE g.key = 'mlflow.parentRunId'), (SELECT count(*) FROM tried WHERE step <> 'register'), 'all that was tried is a run below it');
SELECT is((SELECT array_agg(step) FROM tried JOIN leadscore.tags g USING (run_id) WHERE g.key = 'chosen'), (SELECT ARRAY[max(step)] FROM tried WHERE chosen AND step <> 'register'), 'one of them is the choice');
SELECT is((SELECT value FROM leadscore.metrics m JOIN tried t USING (run_id) WHERE key = 'cv.mean' AND t.i = 1), (SELECT mean FROM tried WHERE i = 1), 'with its metrics');

-- a line; the same rows again, in another order, make the same choice
CREATE TEMP TABLE lined AS SELECT a.* FROM lead_auto('line', 'SELECT * FROM leads ORDER BY md5(id::text)', 'line', NULL, '{x,city}', key => 'id', metric => 'log_loss') a;
SELECT matches((SELECT family FROM lined WHERE step = 'register'), 'line|ridge|lasso', 'where the line is the truth it is chosen');
SELECT results_eq($$SELECT step, family, chosen, mean, options_used, version FROM lined$$,
	$$SELECT step, family, chosen, mean, options_used, version FROM lead_auto('line 2', 'leads', 'line', NULL, '{x,city}', key => 'id', metric => 'log_loss')$$, 'rows in another order, the same choice');

-- options of the user's; time
SELECT ok(bool_and(options_used @> '{"min_count": 50}'), 'options go to every family')
FROM lead_auto('mine', 'leads', 'line', '1 minute', '{x,city}', key => 'id', options => '{"min_count": 50}', folds => 2);
DO $$BEGIN PERFORM lead_auto('timed', 'leads', 'line', NULL, '{x,city}', time_column => 'created', folds_by => 'time', folds => 2); END$$;
SELECT is((SELECT rows FROM leadscore.runs WHERE model = 'timed' AND action = 'train'), 3200::bigint, 'a hold-out by time, and folds by time');
SELECT is(count(*), 1::bigint, 'time that is up at once: one family, and that is registered') FROM lead_auto('quick', 'leads', 'line', '1 microsecond', '{x,city}', key => 'id', folds => 2) WHERE step = 'compare' AND chosen;

-- chance
SELECT results_eq($$SELECT family, chosen, version FROM lead_auto('coin', 'leads', 'coin', NULL, '{k,city}', key => 'id', metric => 'log_loss') LIMIT 1$$, $$VALUES ('dummy', true, NULL::int)$$, 'nothing to find');
SELECT is_empty($$SELECT FROM leadscore.versions WHERE name = 'coin'$$, 'nothing is registered');

-- refused
SELECT throws_ok($$SELECT * FROM lead_auto('e', 'leads', 'line', '0 s')$$, '22023', 'budget must be a positive interval', 'no time');
SELECT throws_ok($$SELECT * FROM lead_auto('e', 'leads', 'line', options => '{"family": "boost"}')$$, '22023', 'option "family" is what the families differ in', 'a family');
SELECT throws_ok($$SELECT * FROM lead_auto('e', 'leads', 'line', metric => 'beauty')$$, '22023', NULL, 'an unknown metric');
SELECT throws_ok($$SELECT * FROM lead_auto('e', 'nothing', 'line')$$, '42P01', NULL, 'an unknown source');
SELECT throws_ok($$SELECT * FROM lead_auto('e', 'leads', 'gone')$$, '42703', NULL, 'an unknown label');
SELECT throws_ok($$SELECT * FROM lead_auto('e', 'SELECT * FROM leads WHERE false', 'line', key => 'id')$$, '22000', 'there are no rows to train model "e" on', 'no rows');
SELECT is_empty($$SELECT FROM leadscore.runs WHERE model = 'e'$$, 'and nothing is left of it');
-- options are kept, or refused
SELECT ok(bool_and(options_used->>'calibrate' = 'platt'), 'every family is calibrated where that is asked for')
FROM lead_auto('calibrated', 'leads', 'line', '1 s', '{x,city}', key => 'id', options => '{"calibrate": "platt"}', folds => 2);
SELECT is(lead_info(model) #>> '{calibration,method}', 'platt', 'and what is registered') FROM leadscore.versions WHERE name = 'calibrated';
SELECT throws_like($$SELECT lead_auto('robust', 'leads', 'line', key => 'id', options => '{"robust": true}')$$, 'option "robust" does not act in a model of family%', 'an option that not all families know');

-- of many rows families are compared on a draw, so what their own options are worth on
-- all rows is found anew: no figure of the draw, too good or too bad, decides
CREATE TEMP TABLE many AS SELECT lead_frame(u < 0.1 + 0.08 * s.x, r) AS frame
FROM (SELECT (i * 7919 % 10)::int AS x, (hashint8(i) & 65535) / 65536.0 AS u FROM generate_series(1, 210000::bigint) i) s, LATERAL (SELECT x) r;
SELECT is((leadscore.chosen_of(leadscore.tune_family(frame, '{"family": "ridge", "options_used": {"family": "logistic", "lambda": 1e9}, "loss": 0, "ms": 1}',
	2, 0, NULL, 'log_loss', NULL)) -> 'options_used' ->> 'lambda')::float8 < 1e6, true, 'options that are better on all rows') FROM many;
SELECT is(leadscore.chosen_of(leadscore.tune_family(frame, '{"family": "ridge", "options_used": {"family": "logistic", "lambda": 1e-6}, "loss": 9, "ms": 1}',
	2, 0, NULL, 'log_loss', NULL)), NULL, 'options that are worse') FROM many;

SELECT * FROM finish();
ROLLBACK;
