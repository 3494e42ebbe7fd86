-- What models of trees must be: the trees that the textbook's formulas give, the
-- same from the same rows, explained exactly, scored alike on every path.
BEGIN;
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(82);

---------------------------------------------------------------------------
-- Boosting: margins of XGBoost 1.7.4, tree_method "exact", max_depth 3, eta 0.3,
-- lambda 1, min_child_weight 0, base_score the share of positives, 8 rounds, on
-- 600 rows of three numbers, one with NULLs; it computes in single precision
---------------------------------------------------------------------------
CREATE TABLE boosted (a float8, b float8, c float8, y int, margin float8);
\copy boosted FROM 'test/data/boost_reference.csv' WITH (FORMAT csv, HEADER)
CREATE TABLE boosted_leads AS SELECT a, b, c, y = 1 AS won FROM boosted;
CREATE TEMP TABLE model AS
SELECT 'xgboost' AS name, lead_train(y = 1, r, '{"family": "boost", "trees": 8, "rate": 0.3, "depth": 3, "min_leaf": 1, "mtry": 3}') AS model
FROM boosted, LATERAL (SELECT a, b, c) r;
SELECT cmp_ok(max(abs(lead_log_odds(model, r) - margin)), '<', 1e-6::float8, 'boosted margins are those of XGBoost')
FROM model, boosted, LATERAL (SELECT a, b, c) r WHERE name = 'xgboost';

-- One split of a category: both leaves by the formula -G / (H + lambda).
CREATE TABLE shops AS
SELECT s AS shop, i % 10 < w AS won, 1 + i % 3 AS weight
FROM (VALUES ('a', 2), ('b', 7), ('c', 3)) v(s, w), generate_series(1, 200) i;
INSERT INTO model SELECT 'stump', lead_train(won, r, '{"family": "boost", "trees": 1, "rate": 1, "depth": 1, "lambda": 2, "exclude": ["weight"]}')
FROM shops r;
SELECT results_eq(
	$$SELECT DISTINCT r.shop, round(lead_log_odds(model, r)::numeric, 9) FROM model, shops r WHERE name = 'stump' ORDER BY 1$$,
	$$WITH base AS (SELECT avg(won::int)::float8 AS p FROM shops),
		leaf AS (SELECT shop = 'b' AS side, count(*) * p - sum(won::int) AS g, count(*) * p * (1 - p) AS h
			FROM shops, base GROUP BY 1, p)
	SELECT DISTINCT shop, round((ln(p / (1 - p)) - g / (h + 2))::numeric, 9)
	FROM shops JOIN leaf ON side = (shop = 'b'), base ORDER BY 1$$,
	'a stump is the textbook''s');
INSERT INTO model SELECT 'weighted stump', lead_train(won, r, '{"family": "boost", "trees": 1, "rate": 1, "depth": 1, "lambda": 2, "weight": "weight"}')
FROM shops r;
INSERT INTO model SELECT 'repeated stump', lead_train(won, r, '{"family": "boost", "trees": 1, "rate": 1, "depth": 1, "lambda": 2, "exclude": ["weight"]}')
FROM shops r, generate_series(1, r.weight);
SELECT cmp_ok(max(abs(lead_log_odds(a.model, r) - lead_log_odds(b.model, r))), '<', 1e-12::float8,
	'a row of weight 2 is worth two rows')
FROM model a, model b, shops r WHERE a.name = 'weighted stump' AND b.name = 'repeated stump';

---------------------------------------------------------------------------
-- A table with something of everything
---------------------------------------------------------------------------
CREATE TABLE leads AS
SELECT i AS id, ('{north,south,east,west,centre}'::text[])[1 + i * 7919 % 5] AS region,
	(i * 31 % 17)::int AS clicks, i * 7919 % 1009 % 90 / 4.0::float8 AS hours,
	i * 104729 % 3 = 0 AS member,
	CASE WHEN i % 5 > 0 THEN (i * 1299709 % 41)::int END AS calls,
	'2024-01-01'::timestamptz + i * interval '7 hours 13 minutes' AS created,
	(i * 15485863 % 1000003) / 1000003.0 < 1 / (1 + exp(1.5 - 0.2 * (i * 31 % 17)
		+ CASE i * 7919 % 5 WHEN 0 THEN 1.0 WHEN 3 THEN -1.5 ELSE 0 END
		- CASE WHEN i * 104729 % 3 = 0 AND i * 31 % 17 > 6 THEN 1 ELSE 0 END)) AS won
FROM generate_series(1, 4000::bigint) i;
ANALYZE leads;
INSERT INTO model
SELECT k, lead_train(won, l, ('{"exclude": ["id"], "columns": {"created": {"parts": ["dow"]}}}'::jsonb || o))
FROM leads l, (VALUES ('boost', '{"family": "boost", "trees": 20, "depth": 4}'::jsonb),
	('leaves', '{"family": "boost", "trees": 20, "depth": 8, "leaves": 6}'),
	('sampled', '{"family": "boost", "trees": 20, "subsample": 0.5, "colsample": 0.6, "seed": 3}'),
	('stopped', '{"family": "boost", "trees": 200, "rate": 0.3, "early_stopping": 5}'),
	('forest', '{"family": "forest", "trees": 20}'),
	('balanced', '{"family": "forest", "trees": 20, "class_weight": "balanced"}'),
	('balanced boost', '{"family": "boost", "trees": 20, "class_weight": {"false": 1, "true": 3}}')) v(k, o)
GROUP BY k, o;
SELECT is(count(*), 7::bigint, 'all are models') FROM model WHERE lead_info(model) ->> 'rows' = '4000';

---------------------------------------------------------------------------
-- The same rows, the same bytes
---------------------------------------------------------------------------
CREATE FUNCTION answer(workers int, query text) RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
	result bytea;
BEGIN
	PERFORM set_config('max_parallel_workers_per_gather', workers::text, true),
		set_config('parallel_setup_cost', '0', true), set_config('parallel_tuple_cost', '0', true),
		set_config('min_parallel_table_scan_size', '0', true);
	EXECUTE query INTO result;
	RETURN result;
END $$;
SELECT is(answer(workers, format(query, o)), answer(0, format('SELECT lead_train(won, l, %L) FROM leads l', o)),
	format('the same bytes: %s, %s', o ->> 'family', what))
FROM (VALUES ('{"family": "boost", "trees": 10, "subsample": 0.6, "colsample": 0.5, "early_stopping": 3, "exclude": ["id"]}'::jsonb),
		('{"family": "forest", "trees": 5, "exclude": ["id"]}')) f(o),
	(VALUES (0, 'backwards', 'SELECT lead_train(won, l, %L) FROM (SELECT * FROM leads ORDER BY id DESC) l'),
		(0, 'shuffled', 'SELECT lead_train(won, l, %L) FROM (SELECT * FROM leads ORDER BY hashint8(id)) l'),
		(2, 'two workers', 'SELECT lead_train(won, l, %L) FROM leads l')) w(workers, what, query);
SELECT is(lead_fit(whole, o), lead_fit(halves, o), format('the same bytes from united frames: %s', o ->> 'family'))
FROM (SELECT lead_frame(won, l) AS whole FROM (SELECT clicks, calls, region, won FROM leads) l) w,
	(SELECT lead_frame(f) AS halves FROM (SELECT lead_frame(won, l) AS f
		FROM (SELECT clicks, calls, region, won FROM leads) l GROUP BY clicks % 2) h) h,
	(VALUES ('{"family": "boost", "trees": 10, "subsample": 0.6}'::jsonb), ('{"family": "forest", "trees": 5}')) v(o);
SELECT isnt(lead_fit(f, o), lead_fit(f, o || '{"seed": 1}'), format('another seed, another %s', o ->> 'family'))
FROM (SELECT lead_frame(won, l, '{"exclude": ["id"]}') AS f FROM leads l) f,
	(VALUES ('{"family": "boost", "trees": 10, "subsample": 0.6}'::jsonb), ('{"family": "forest", "trees": 5}')) v(o);

---------------------------------------------------------------------------
-- Every path gives the same score
---------------------------------------------------------------------------
SELECT is(count(*) FILTER (WHERE lead_score(model, l) IS DISTINCT FROM lead_score(model, to_jsonb(l))
	OR lead_score(model, l) IS DISTINCT FROM lead_score_values(model,
		'["region", "clicks", "hours", "member", "calls", "created"]', region, clicks, hours, member, calls, created)),
	0::bigint, format('record, document and values score alike: %s', name))
FROM model, leads l WHERE name IN ('boost', 'forest') AND id % 7 = 0 GROUP BY name ORDER BY name;
SELECT results_eq(
	format($$SELECT s.score, sum(s.positives), sum(s.negatives) FROM model, lead_score_frame(model,
		(SELECT lead_frame(won, l, '{"exclude": ["id"], "columns": {"created": {"parts": ["dow"]}}}') FROM leads l)) s WHERE name = %L GROUP BY 1 ORDER BY 1$$, name),
	format($$SELECT lead_score(model, l), count(*) FILTER (WHERE won)::numeric, count(*) FILTER (WHERE NOT won)::numeric
		FROM model, leads l WHERE name = %L GROUP BY 1 ORDER BY 1$$, name),
	format('a frame scores as its rows do: %s', name))
FROM model WHERE name IN ('boost', 'forest') ORDER BY name;
SELECT cmp_ok(max(abs(lead_score(model, l) - 1 / (1 + exp(-lead_log_odds(model, l))))), '<', 1e-12::float8,
	format('scores and log-odds agree: %s', name))
FROM model, leads l WHERE name IN ('boost', 'forest') AND id % 7 = 0 GROUP BY name ORDER BY name;

---------------------------------------------------------------------------
-- Explanations: exact, by the definition of Shapley's value.  These models have seen
-- no NULL, so a NULL is a value that is not known, and a lead with NULLs scores
-- what a coalition of its other columns is worth.
---------------------------------------------------------------------------
INSERT INTO model
SELECT 'shapley ' || (o ->> 'family'), lead_train(won, r, o)
FROM leads, LATERAL (SELECT region, clicks, hours, member) r,
	(VALUES ('{"family": "boost", "trees": 12, "depth": 5}'::jsonb), ('{"family": "forest", "trees": 7, "depth": 6}')) v(o)
GROUP BY o;
CREATE FUNCTION worth(model bytea, l leads, coalition int) RETURNS float8 LANGUAGE sql AS $$
	SELECT CASE WHEN lead_info(model) ->> 'family' = 'forest' THEN lead_score(model, r) ELSE lead_log_odds(model, r) END
	FROM (SELECT CASE WHEN coalition & 1 > 0 THEN l.region END AS region,
		CASE WHEN coalition & 2 > 0 THEN l.clicks END AS clicks,
		CASE WHEN coalition & 4 > 0 THEN l.hours END AS hours,
		CASE WHEN coalition & 8 > 0 THEN l.member END AS member) r
$$;
CREATE TEMP TABLE coalition_worth AS
SELECT name, l.id, c, worth(model, l, c) AS v
FROM model, leads l, generate_series(0, 15) c WHERE name LIKE 'shapley%' AND l.id % 200 = 7;
CREATE TEMP TABLE brute AS
SELECT w.name, w.id, k, sum((i.v - w.v) * factorial(size) * factorial(3 - size) / factorial(4)) AS phi
FROM generate_series(0, 3) k, coalition_worth w
	JOIN coalition_worth i USING (name, id),
	LATERAL (SELECT (w.c & 1) + (w.c >> 1 & 1) + (w.c >> 2 & 1) + (w.c >> 3 & 1) AS size) s
WHERE w.c & (1 << k) = 0 AND i.c = w.c | (1 << k)
GROUP BY 1, 2, 3;
CREATE TEMP TABLE told AS
SELECT name, l.id, e."column", e.contribution, e.unit
FROM model, leads l, LATERAL (SELECT l.region, l.clicks, l.hours, l.member) r, lead_explain(model, r) e
WHERE name LIKE 'shapley%' AND l.id % 200 = 7;
SELECT cmp_ok(max(abs(t.contribution - b.phi)), '<', 1e-12::float8, name || ': contributions are Shapley''s values')
FROM told t JOIN brute b USING (name, id)
WHERE ('{region,clicks,hours,member}'::text[])[k + 1] = t."column" GROUP BY name ORDER BY name;
SELECT cmp_ok(max(abs(t.contribution - w.v)), '<', 1e-12::float8, name || ': the average lead is a lead of which nothing is known')
FROM told t JOIN coalition_worth w USING (name, id) WHERE c = 0 AND "column" = '(average lead)' GROUP BY name ORDER BY name;
SELECT cmp_ok(abs(max(t.contribution) - (SELECT avg(worth(model, l, 15)) FROM model m, leads l WHERE m.name = 'shapley boost')),
	'<', 1e-10::float8, 'of boosted trees it is the mean of all leads')
FROM told t WHERE name = 'shapley boost' AND "column" = '(average lead)';
SELECT results_eq('SELECT DISTINCT name, unit FROM told ORDER BY 1',
	$$VALUES ('shapley boost', 'log-odds'), ('shapley forest', 'probability')$$, 'units say what adds up');
-- with parts of a time, NULLs and levels never seen
SELECT cmp_ok(max(abs(total - CASE WHEN name ~ 'forest|balanced$' THEN lead_score(model, r) ELSE lead_log_odds(model, r) END)),
	'<', 1e-12::float8, format('contributions add up: %s', name))
FROM model, leads l, LATERAL (SELECT CASE WHEN id % 3 = 0 THEN 'nowhere' ELSE region END AS region, clicks, hours,
		CASE WHEN id % 4 > 0 THEN member END AS member, calls, created) r,
	LATERAL (SELECT sum(contribution) AS total FROM lead_explain(model, r)) e
WHERE name IN ('boost', 'leaves', 'sampled', 'forest', 'balanced') AND id % 150 = 1 GROUP BY name ORDER BY name;
SELECT is(e.contribution, 0::float8, 'a level never seen adds nothing')
FROM model, leads l, LATERAL (SELECT 'nowhere' AS region, clicks, hours, member, calls, created) r, lead_explain(model, r) e
WHERE name = 'boost' AND id = 1 AND "column" = 'region';
SELECT is(lead_unseen(model, r), '{region}', 'and is told')
FROM model, leads l, LATERAL (SELECT 'nowhere' AS region, clicks, hours, member, calls, created) r WHERE name = 'boost' AND id = 1;
SELECT matches(lead_reasons(model, l), '[+-][0-9.]+ points', 'reasons of a forest are in points') FROM model, leads l WHERE name = 'forest' AND id = 5;
SELECT matches(lead_reasons(model, l), 'odds x [0-9.]+', 'those of boosted trees in odds') FROM model, leads l WHERE name = 'boost' AND id = 5;

---------------------------------------------------------------------------
-- What the options promise
---------------------------------------------------------------------------
SELECT is((lead_info(model) ->> 'leaves')::int <= 6 * 20, true, 'no tree has more leaves than allowed') FROM model WHERE name = 'leaves';
SELECT cmp_ok((lead_info(model) ->> 'deepest')::int, '<=', 4, 'none is deeper') FROM model WHERE name = 'boost';
SELECT cmp_ok((lead_info(model) ->> 'trees')::int, '<', 200, 'early stopping stops') FROM model WHERE name = 'stopped';
SELECT cmp_ok((lead_info(model) ->> 'grown')::int, '=', (lead_info(model) ->> 'trees')::int + 5, 'five trees after the best one') FROM model WHERE name = 'stopped';
SELECT is((lead_info(model) #>> '{holdout,rows}')::int BETWEEN 700 AND 900, true, 'a fifth was held out') FROM model WHERE name = 'stopped';
SELECT cmp_ok(abs(avg(lead_score(model, l)) - avg(won::int)), '<', 0.03::float8, format('scores stay probabilities under class weights: %s', name))
FROM model, leads l WHERE name LIKE 'balanced%' GROUP BY name ORDER BY name;

-- monotone: a lead does not fall because it clicked more, whatever else it is
INSERT INTO model SELECT 'monotone', lead_train(won, r, '{"family": "boost", "min_leaf": 2, "columns": {"hours": {"monotone": "increasing"}, "clicks": {"monotone": "decreasing"}}}')
FROM leads, LATERAL (SELECT region, clicks, hours, calls) r;
INSERT INTO model SELECT 'free', lead_train(won, r, '{"family": "boost", "min_leaf": 2}')
FROM leads, LATERAL (SELECT region, clicks, hours, calls) r;
CREATE TEMP TABLE steps AS
SELECT name, sum((h < 0)::int) AS falls, sum((c > 0)::int) AS rises
FROM (SELECT name, lead_log_odds(model, r) - lag(lead_log_odds(model, r)) OVER (PARTITION BY name, l.id ORDER BY x) AS h,
		lead_log_odds(model, s) - lag(lead_log_odds(model, s)) OVER (PARTITION BY name, l.id ORDER BY x) AS c
	FROM model, leads l, generate_series(0, 22) x, LATERAL (SELECT l.region, l.clicks, x::float8 AS hours, l.calls) r,
		LATERAL (SELECT l.region, x AS clicks, l.hours, l.calls) s
	WHERE name IN ('monotone', 'free') AND l.id % 100 = 0) d GROUP BY name;
SELECT is(falls + rises, 0::bigint, 'monotone columns go their way') FROM steps WHERE name = 'monotone';
SELECT cmp_ok(falls + rises, '>', 0::bigint, 'which they would not by themselves') FROM steps WHERE name = 'free';

-- min_leaf: one leaf of all rows
SELECT is((lead_info(lead_train(won, l, '{"family": "boost", "trees": 3, "min_leaf": 2001, "exclude": ["id"]}')) ->> 'leaves')::int, 1,
	'no leaf has fewer rows than min_leaf') FROM leads l;

---------------------------------------------------------------------------
-- Where there is little, or little weight
---------------------------------------------------------------------------
-- a tree of few rows may draw none of them
SELECT is(count(model), 10::bigint, format('a forest of %s rows, whatever it draws', n))
FROM (VALUES (2), (5), (8)) s(n), LATERAL (SELECT lead_train(i % 2 = 0, r, format('{"family": "forest", "trees": 20, "min_leaf": 1, "min_count": 1, "seed": %s, "allow": ["a"]}', seed)::jsonb) AS model
	FROM generate_series(0, 9) seed, generate_series(1, n) i, LATERAL (SELECT i AS a) r GROUP BY seed) m GROUP BY n ORDER BY n;
-- only its share of all weights counts to a forest
SELECT cmp_ok(max(auc) - min(auc), '<', 0.02::float8, 'a forest is as good whatever its weights are multiplied by')
FROM (SELECT w, (lead_info(lead_train(won, r, '{"family": "forest", "trees": 20, "weight": "weight"}')) #>> '{out_of_bag,auc}')::float8 AS auc
	FROM leads, (VALUES (1e-20::float8), (1), (1e200)) v(w), LATERAL (SELECT region, clicks, calls, (1 + id % 3) * w AS weight) r GROUP BY w) m;
-- without curvature and penalty a leaf has nothing to add
SELECT cmp_ok(max(abs(lead_score(model, r) - 1.0 / 3)), '<', 1e-9::float8, 'rows of next to no weight leave the share of positives')
FROM (SELECT lead_train(i % 3 = 0, r, '{"family": "boost", "trees": 5, "lambda": 0, "weight": "w"}') AS model
	FROM generate_series(1, 300) i, LATERAL (SELECT i % 7 AS a, 1e-200::float8 AS w) r) m, generate_series(0, 6) a, LATERAL (SELECT a, 1 AS w) r;
SELECT throws_ok(format($$SELECT lead_train(won, r, '{"family": "boost", "early_stopping": 5, "group": "g", "seed": %s}') FROM leads, LATERAL (SELECT clicks, 'all' AS g) r$$, seed),
	'22000', 'cannot train a model: the rows cannot be divided for "early_stopping"', 'one group cannot be divided, seed ' || seed)
FROM generate_series(0, 1) seed;
SELECT is(lead_train(won, r, '{"family": "boost", "early_stopping": 5, "group": "g", "untrainable": "null"}'), NULL, 'or there is no model')
FROM leads, LATERAL (SELECT clicks, 'all' AS g) r;
-- the depth itself costs nothing, neither time nor digits
SELECT format('CREATE TEMP TABLE noise AS SELECT i, hashint4(i) %% 2 = 0 AS won, %s FROM generate_series(1, 20000) i',
	string_agg(format('hashint8(i + %s::int8) %% 500 AS c%s', k * 1000000, k), ', ')) FROM generate_series(1, 40) k \gexec
INSERT INTO model SELECT 'deep', lead_train(won, r, '{"family": "boost", "trees": 1, "depth": 64, "leaves": 4096, "min_leaf": 1, "lambda": 0, "exclude": ["i"]}')
FROM noise r;
SELECT cmp_ok((lead_info(model) ->> 'deepest')::int, '>', 30, 'a tree as deep as it likes') FROM model WHERE name = 'deep';
SELECT cmp_ok(max(abs(total - lead_log_odds(model, r))), '<', 1e-12::float8, 'its contributions add up')
FROM model, noise r, LATERAL (SELECT sum(contribution) AS total FROM lead_explain(model, r)) e WHERE name = 'deep' AND i % 100 = 0;

---------------------------------------------------------------------------
-- Importance
---------------------------------------------------------------------------
SELECT cmp_ok(abs(sum(gain_share) - 1), '<', 1e-12::float8, 'shares of gain are shares') FROM model, lead_importance(model) WHERE name = 'boost';
SELECT is(sum(splits)::bigint, (SELECT (lead_info(model) ->> 'leaves')::bigint - (lead_info(model) ->> 'trees')::bigint FROM model WHERE name = 'boost'),
	'as many splits as leaves less trees') FROM model, lead_importance(model) WHERE name = 'boost';
CREATE TEMP TABLE permuted AS
WITH halves AS (
	SELECT lead_frame(won, l, '{"exclude": ["id", "created"]}') FILTER (WHERE id % 2 = 0) AS seen,
		lead_frame(won, l, '{"exclude": ["id", "created"]}') FILTER (WHERE id % 2 = 1) AS unseen
	FROM leads l)
SELECT o ->> 'family' AS name, p.*
FROM halves, (VALUES ('{"family": "logistic"}'::jsonb), ('{"family": "boost"}'), ('{"family": "forest"}')) v(o),
	lead_importance(lead_fit(seen, o), unseen) p;
SELECT cmp_ok(min(auc_drop) FILTER (WHERE "column" IN ('clicks', 'region')), '>', max(auc_drop) FILTER (WHERE "column" IN ('hours', 'calls')),
	format('columns that matter matter most: %s', name)) FROM permuted GROUP BY name ORDER BY name;

---------------------------------------------------------------------------
-- A model like any other
---------------------------------------------------------------------------
SELECT matches(lead_summary(model), 'Trees: random forest.*Out of bag \(4,000 rows\): AUC 0\.', 'summary of a forest') FROM model WHERE name = 'forest';
SELECT throws_ok(format('SELECT * FROM lead_coefficients(%L::bytea)', model), '0A000', 'lead_coefficients() needs a logistic regression', 'no coefficients') FROM model WHERE name = 'forest';
SELECT is(count(impact_log_odds), 0::bigint, 'drift knows no impact of trees') FROM model,
	lead_drift((SELECT lead_profile(m.model, l) FROM leads l, model m WHERE m.name = 'boost' AND id < 2000),
		(SELECT lead_profile(m.model, l) FROM leads l, model m WHERE m.name = 'boost' AND id >= 2000)) WHERE name = 'boost';
SELECT is(count(*), 1::bigint, 'but that of the scores') FROM
	lead_drift((SELECT lead_profile(m.model, l) FROM leads l, model m WHERE m.name = 'boost' AND id < 2000),
		(SELECT lead_profile(m.model, l) FROM leads l, model m WHERE m.name = 'boost' AND id >= 2000)) WHERE kind = 'score' AND statistic IS NOT NULL;
SELECT is(live, true, 'a forest is trained by name') FROM lead_train_model('trees', 'leads', 'won', exclude => '{created}', key => 'id',
	options => '{"family": "forest", "trees": 10, "min_leaf": 50}');
SELECT is(status, 'finished', 'trained again') FROM lead_retrain('trees');
SELECT ok(lead_create_scored_view('trees') IS NOT NULL, 'a scored view of it');
SELECT is(count(*), 0::bigint, 'has its scores') FROM trees_scored v JOIN leads l USING (id) WHERE v.score IS DISTINCT FROM lead_score('trees', l);
SELECT is(verdict IS NOT NULL, true, 'boosted trees go through the gate') FROM lead_train_model('trees', 'leads', 'won', exclude => '{created}', key => 'id',
	options => '{"family": "boost", "trees": 30, "depth": 3}');
SELECT cmp_ok(count(*), '=', 5::bigint, 'importance by name') FROM lead_importance('trees@3');
SELECT throws_ok($$SELECT lead_ladder(lead_model('trees'), (SELECT lead_frame(won, l) FROM leads l))$$, '0A000',
	'lead_ladder() needs a logistic regression', 'trees climb no ladder');
SELECT matches(lead_report('trees'), '^<!DOCTYPE html>', 'but have a report');
---------------------------------------------------------------------------
-- Out of the bag: honest scores of a forest's own rows
---------------------------------------------------------------------------
CREATE TABLE bagged AS
SELECT n, f, lead_fit(f, o) AS model
FROM (SELECT lead_frame(won, l, '{"exclude": ["id", "created", "member"], "weight": "calls"}') AS f
		FROM (SELECT id, region, clicks, hours, member, created, coalesce(calls, 0) AS calls, won FROM leads) AS l) AS f,
	(VALUES ('plain', '{"family": "forest", "trees": 25, "seed": 9}'::jsonb),
		('balanced', '{"family": "forest", "trees": 25, "subsample": 0.3, "class_weight": "balanced"}'),
		('one tree', '{"family": "forest", "trees": 1}'),
		('boost', '{"family": "boost", "trees": 5}'), ('line', '{}')) AS v(n, o);
SELECT is(e.quality, format('%s rows, AUC %s, log loss %s', i #>> '{out_of_bag,rows}', i #>> '{out_of_bag,auc}', i #>> '{out_of_bag,log_loss}'),
	format('the quality that the model kept, to the last digit: %s', b.n))
FROM bagged AS b, lead_info(model) AS i,
	LATERAL (SELECT format('%s rows, AUC %s, log loss %s', (e.e).n, (e.e).auc, (e.e).log_loss) AS quality
		FROM (SELECT lead_evaluate(score, positives > 0) AS e FROM lead_out_of_bag(model, f)) AS e) AS e
WHERE b.n IN ('plain', 'balanced');
SELECT cmp_ok((SELECT (lead_evaluate(score, positives > 0)).auc FROM lead_out_of_bag(model, f)), '<',
	(lead_evaluate_frame(model, f)).auc - 0.02, 'its trees flatter the rows that they have seen')
FROM bagged WHERE n = 'plain';
SELECT is((SELECT count(*) FROM lead_out_of_bag(model, f) AS o WHERE NOT EXISTS
	(SELECT FROM lead_score_frame(model, f) AS s WHERE abs(s.score - o.score) < 1e-15)), 0::bigint,
	'one tree says out of the bag what the forest says')
FROM bagged WHERE n = 'one tree';
SELECT cmp_ok(abs(count(*) / 4000.0 - exp(-1)), '<', 0.03::float8, 'of a row in three')
FROM bagged, lead_out_of_bag(model, f) WHERE n = 'one tree';
SELECT throws_ok(format('SELECT * FROM bagged AS a, bagged AS b, lead_out_of_bag(a.model, b.f || b.f) WHERE a.n = %L AND b.n = %L', 'plain', 'plain'),
	'22000', 'the forest was not grown from this frame', 'another frame is an error');
SELECT throws_ok(format('SELECT lead_out_of_bag(model, f) FROM bagged WHERE n = %L', n), '0A000',
	'only a forest has out-of-bag scores', format('no forest: %s', n))
FROM bagged WHERE n IN ('boost', 'line');

-- A forest of the registry for which nothing is held out has grades by them.
CREATE TABLE forest_leads AS SELECT * FROM leads WHERE id <= 1500;
SELECT lead_train_model(n, 'forest_leads', 'won', options => o, key => 'id', holdout => '{"by": "none"}')
FROM (VALUES ('bags', '{"family": "forest", "trees": 20, "exclude": ["created"]}'::jsonb), ('lines', '{"exclude": ["created"]}')) AS v(n, o);
SELECT results_eq($$SELECT name, rows, quantiles[1] < quantiles[500] AND quantiles[500] < quantiles[1001] FROM leadscore.score_quantiles WHERE name IN ('bags', 'lines')$$,
	$$VALUES ('bags', 1500::bigint, true)$$, 'the forest has quantiles, the line has none');
SELECT results_eq($$SELECT v.name, p.n FROM leadscore.version_profiles AS v,
		LATERAL (SELECT sum(rows)::bigint AS n FROM lead_describe(v.holdout) WHERE "column" = '(score)') AS p WHERE v.name IN ('bags', 'lines')$$,
	$$VALUES ('bags', 1500::bigint)$$, 'and a profile with their scores');
SELECT * FROM finish();
ROLLBACK;
