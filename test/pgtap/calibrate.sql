-- Calibrated scores and thresholds: numbers against scikit-learn 1.2.1 and plain
-- SQL formulations; what calibration must leave alone; real leads.
--
-- ties … small are the pairs of evaluate.sql, made by integer arithmetic.  codepro: leads of
-- CodePro's test split, the score (1 + 3 p) / (2 + 3 n) from the n leads, p positive, of the
-- train split with the same tier, platform, medium, source and leads dropped: too sure by far.
-- In Python, with P and N positives and negatives, y the labels, s the scores:
--	IsotonicRegression(y_min=1/(N+2), y_max=(P+1)/(P+2), out_of_bounds='clip').fit(s, y),
--		predict(arange(11) / 10)
--	intercept, slope: Newton's steps to 1e-15 with NumPy on z = clip(logit(s), ±log(999999))
--		and targets (P+1)/(P+2), 1/(N+2); _SigmoidCalibration().fit(z, y) has the same to 5e-7
--	thresholds over roc_curve(y, s, drop_intermediate=False) and precision_recall_curve(y, s):
--		argmax of F1 and of tpr - fpr, the lowest; of recall where precision >= 0.8, the
--		highest; the highest with recall >= 0.9; argmin of FP + 20 FN over unique(s)
BEGIN;
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
\set here `test -r ../shared/data/codepro/model_input.csv.gz && echo true || echo false`
SELECT plan(CASE WHEN :here THEN 72 ELSE 58 END);

CREATE TEMP TABLE p AS
SELECT 'ties' AS c, (i * 7919 % 101) / 100.0::float8 AS s, (i * i * 31 + i * 17) % 97 < (i * 7919 % 101) * 0.8 + 8 AS y FROM generate_series(1, 500) i
UNION ALL
SELECT 'fine', (i * 7919 % 10007) / 10007.0::float8, (i * i * 31 + i * 17) % 10007 < i * 7919 % 10007 FROM generate_series(1, 1000) i
UNION ALL
SELECT 'coarse', (i * i % 5) / 4.0::float8, i * 13 % 29 < (i * i % 5) * 6 + 2 FROM generate_series(1, 300) i
UNION ALL
SELECT 'small', (i * 11 % 17) / 16.0::float8, i * i * 7 % 23 < i * 11 % 17 FROM generate_series(1, 30) i;
\if :here
CREATE TEMP TABLE codepro (lead_id int, created_date timestamp, city_tier int,
	first_platform_c text, first_utm_medium_c text, first_utm_source_c text,
	total_leads_droppped int, referred_lead int, assistance_interaction int,
	career_interaction int, payment_interaction int, social_interaction int,
	syllabus_interaction int, app_complete_flag int, split text);
\copy codepro FROM PROGRAM 'zcat ../shared/data/codepro/model_input.csv.gz' CSV HEADER
INSERT INTO p
SELECT 'codepro', (1 + 3 * coalesce(t.positives, 0)) / (2 + 3 * coalesce(t.n, 0))::float8, app_complete_flag = 1
FROM codepro LEFT JOIN (SELECT city_tier, first_platform_c, first_utm_medium_c, first_utm_source_c, total_leads_droppped,
		count(*) AS n, sum(app_complete_flag) AS positives FROM codepro WHERE split <> 'test' GROUP BY 1, 2, 3, 4, 5) t
	USING (city_tier, first_platform_c, first_utm_medium_c, first_utm_source_c, total_leads_droppped)
WHERE split = 'test';
\endif

---------------------------------------------------------------------------
-- Maps
---------------------------------------------------------------------------
-- what a map makes of a score, by its definition
CREATE FUNCTION pg_temp.mapped(map jsonb, s float8) RETURNS float8 LANGUAGE sql AS $$
	WITH points AS (
		SELECT raw::float8, score::float8
		FROM ROWS FROM (jsonb_array_elements_text(map->'raw'), jsonb_array_elements_text(map->'score')) AS r(raw, score)),
	below AS (SELECT * FROM points WHERE raw <= s ORDER BY raw DESC LIMIT 1),
	above AS (SELECT * FROM points WHERE raw >= s ORDER BY raw LIMIT 1)
	SELECT CASE map->>'method' WHEN 'isotonic' THEN
		coalesce((SELECT CASE WHEN a.raw = b.raw THEN b.score ELSE b.score + (a.score - b.score) * (s - b.raw) / (a.raw - b.raw) END
			FROM below b, above a), (SELECT score FROM below), (SELECT score FROM above))
	ELSE 1 / (1 + exp(-(map->>'intercept')::float8 - (map->>'slope')::float8 *
		CASE WHEN s < 1e-6 THEN -ln(999999::float8) WHEN s > 1 - 1e-6 THEN ln(999999::float8) ELSE ln(s / (1 - s)) END)) END
$$;
CREATE TEMP TABLE maps AS
SELECT c, method, lead_calibration_map(s, y, method) AS map FROM p, unnest('{platt,isotonic}'::text[]) method GROUP BY 1, 2;
CREATE TEMP TABLE r (c text, n int, positives int, intercept float8, slope float8, isotonic float8[]);
INSERT INTO r VALUES
	('ties', 500, 272, 0.2233382116756873, 0.6958919728018902, '{0.004347826086956522,0.22857142857142856,0.24719101123595505,0.24719101123595505,0.4482758620689655,0.6,0.6176470588235294,0.7567567567567568,0.875,0.875,0.9963503649635036}'),
	('fine', 1000, 494, -0.03852341583915793, 0.9211266941365559, '{0.001968503937007874,0.1111111111111111,0.17647058823529413,0.22093023255813954,0.3867924528301887,0.5438596491228069,0.5633802816901409,0.6666666666666666,0.8602150537634409,0.92,0.9979838709677419}'),
	('coarse', 300, 144, -0.6138816321962264, 0.18392687268104257, '{0.06666666666666667,0.15000000000000002,0.2333333333333334,0.3161111111111111,0.3983333333333334,0.4805555555555556,0.5627777777777778,0.645,0.7272222222222223,0.8094444444444445,0.8916666666666667}'),
	('small', 30, 5, -1.5765126017506401, 0.024493894280407512, '{0.037037037037037035,0.037037037037037035,0.037037037037037035,0.037037037037037035,0.037037037037037035,0.037037037037037035,0.3333333333333333,0.3333333333333333,0.3333333333333333,0.3333333333333333,0.3333333333333333}'),
	('codepro', 4999, 2500, 0.06825653035649491, 0.8622683926860886, '{0.00039984006397441024,0.0759493670886076,0.3013698630136986,0.3253012048192771,0.42200920772349354,0.5707547169811321,0.5939086294416244,0.7130801687763713,0.7524752475247525,0.8536585365853658,0.9866666666666667}');
SELECT is(count(*), CASE WHEN :here THEN 10 ELSE 8 END::bigint, 'every case has both maps')
FROM maps JOIN r USING (c) WHERE (map->>'rows')::int = n AND (map->>'positives')::int = positives AND NOT map ? 'folds';
SELECT cmp_ok(max(greatest(abs((map->>'intercept')::float8 - intercept), abs((map->>'slope')::float8 - slope))), '<', 1e-10::float8,
	c || ': platt as Newton''s steps and scikit-learn') FROM maps JOIN r USING (c) WHERE method = 'platt' GROUP BY c ORDER BY c;
SELECT cmp_ok(max(abs(pg_temp.mapped(map, (u.n - 1) / 10.0::float8) - v)), '<', 1e-10::float8, c || ': isotonic as scikit-learn')
FROM maps JOIN r USING (c), unnest(isotonic) WITH ORDINALITY AS u(v, n) WHERE method = 'isotonic' GROUP BY c ORDER BY c;
SELECT is(a.map, b.map, 'shuffled pairs, the same map: ' || method)
FROM maps a JOIN (SELECT method, lead_calibration_map(s, y, method ORDER BY md5(s::text || y::text)) AS map
	FROM p, unnest('{platt,isotonic}'::text[]) method WHERE c = 'fine' GROUP BY 1) b USING (method) WHERE a.c = 'fine' ORDER BY method;
SELECT is(lead_calibration_map(s, y::int, 'platt'), lead_calibration_map(s, y, 'platt'), 'integer labels') FROM p WHERE c = 'ties';
SELECT is(lead_calibration_map(CASE WHEN k = 0 THEN s END, CASE WHEN k < 2 THEN y END, 'isotonic'), (SELECT map FROM maps WHERE c = 'ties' AND method = 'isotonic'),
	'pairs with NULL do not count') FROM p, generate_series(0, 2) k WHERE c = 'ties' AND (k < 2 OR s > 0.5);
-- scores that are right stay as they are: 50 of 100 at 0.5, and so on
SELECT cmp_ok(max(abs(pg_temp.mapped(map, x) - x)), '<', 0.002::float8, 'scores that are right are left alone: ' || (map->>'method'))
FROM (SELECT lead_calibration_map(k / 100.0::float8, i <= k * 10, method) AS map FROM generate_series(5, 95, 5) k, generate_series(1, 1000) i,
	unnest('{platt,isotonic}'::text[]) method GROUP BY method) m, unnest('{0.05,0.1,0.3,0.5,0.8,0.95}'::float8[]) x GROUP BY map->>'method' ORDER BY 1;
SELECT is(lead_calibration_map(s, NOT y, 'platt') ->> 'slope', '0', 'scores that mislead become one') FROM p WHERE c = 'fine';
SELECT cmp_ok(abs(pg_temp.mapped(lead_calibration_map(0.3, i <= 30, 'platt'), 0.9) - (30 * 31 / 32.0 + 70 / 72.0) / 100), '<', 1e-12::float8,
	'equal scores become the mean target') FROM generate_series(1, 100) i;
-- many steps: each of the fractions p/q up to q = 145 is the rate of one score
CREATE TEMP TABLE stairs AS
SELECT a, q, rank() OVER (ORDER BY a::float8 / q) / 10000.0::float8 AS s FROM generate_series(2, 145) q, generate_series(1, q - 1) a WHERE gcd(a, q) = 1;
CREATE TEMP TABLE stairs_map AS
SELECT lead_calibration_map(s, i <= a, 'isotonic') AS map FROM stairs, generate_series(1, q) i;
SELECT ok((SELECT count(*) > 4096 FROM stairs) AND jsonb_array_length(map->'raw') BETWEEN 4096 AND 8192, 'more than 4,096 steps are joined, but no more than must be') FROM stairs_map;
SELECT cmp_ok(max(abs(pg_temp.mapped(map, s) - a::float8 / q)), '<', 0.01::float8, 'and say about the same') FROM stairs_map, stairs WHERE a * 7 % q = 1;

---------------------------------------------------------------------------
-- Thresholds
---------------------------------------------------------------------------
CREATE TEMP TABLE thresholds (c text, f1_at float8, f1 float8, youden_at float8, youden float8, precision_at float8, recall float8,
	recall_at float8, precision float8, cost_at float8, cost float8);
INSERT INTO thresholds VALUES
	('ties', 0.35, 0.7779632721202002, 0.42, 0.4725232198142415, 0.58, 0.6286764705882353, 0.24, 0.643979057591623, 0.01, 224),
	('fine', 0.30958329169581295, 0.7598989048020219, 0.4556810232837014, 0.48314957353858956, 0.6489457379834116, 0.5708502024291497, 0.3210752473268712, 0.6534508076358296, 0.04227041071250125, 485),
	('coarse', 1.0, 0.8106060606060606, 1.0, 0.6597222222222222, 1.0, 0.7430555555555556, 0.25, 0.5833333333333334, 0.0, 156),
	('small', 0.5625, 0.5, 0.5625, 0.6, NULL, NULL, 0.5625, 0.3333333333333333, 0.5625, 10),
	('codepro', 0.3728813559322034, 0.7692813681960204, 0.432258064516129, 0.45943337334933976, 0.7307692307692307, 0.38, 0.4117647058823529, 0.6655863288155569, 0.05319148936170213, 2021);
CREATE TEMP TABLE chosen AS
SELECT c, o, (lead_threshold(s, y, o::jsonb)).*
FROM p, unnest(ARRAY['{"best": "f1"}', '{"best": "youden"}', '{"min_precision": 0.8}', '{"min_recall": 0.9}', '{"cost_fp": 1, "cost_fn": 20}']) o GROUP BY 1, 2;
SELECT is(count(*), count(*) FILTER (WHERE b.threshold IS NOT DISTINCT FROM v.at AND abs(b.value - v.value) < 1e-14 IS NOT FALSE), c || ': thresholds as scikit-learn')
FROM chosen b JOIN thresholds t USING (c), LATERAL (VALUES ('{"best": "f1"}', f1_at, t.f1), ('{"best": "youden"}', youden_at, youden),
	('{"min_precision": 0.8}', precision_at, t.recall), ('{"min_recall": 0.9}', recall_at, t.precision), ('{"cost_fp": 1, "cost_fn": 20}', cost_at, cost)) v(o, at, value)
WHERE b.o = v.o GROUP BY c ORDER BY c;
SELECT is(count(*), 0::bigint, 'the counts are those of lead_evaluate() at the threshold')
FROM chosen b, LATERAL (SELECT (lead_evaluate(s, y, coalesce(b.threshold, 0))).* FROM p WHERE p.c = b.c) e
WHERE b.threshold IS NOT NULL AND (e.tp, e.fp, e.tn, e.fn, e.precision, e.recall, e.specificity, e.f1, e.n, e.positives)
	IS DISTINCT FROM (b.tp, b.fp, b.tn, b.fn, b.precision, b.recall, b.specificity, b.f1, b.n, b.positives)
	OR abs(b.share - (b.tp + b.fp)::float8 / b.n) > 1e-15;
SELECT is(b.threshold, e.best_f1_threshold, 'the best F1 is that of lead_evaluate()')
FROM chosen b, LATERAL (SELECT (lead_evaluate(s, y)).best_f1_threshold FROM p WHERE p.c = b.c) e WHERE o = '{"best": "f1"}' AND c = 'fine';

-- every threshold tried, in SQL
CREATE TEMP TABLE few AS
SELECT d, (i * (d + 3) * 7919 % (5 + d)) / 10.0::float8 AS s, (i * i * (31 + d) + i * 17) % 29 < (i * (d + 3) * 7919 % (5 + d)) AS y
FROM generate_series(1, 20) d, generate_series(1, 20 + d) i;
CREATE FUNCTION pg_temp.by_hand(d int, o jsonb) RETURNS float8 LANGUAGE sql AS $$
	WITH at AS (
		SELECT t, count(*) FILTER (WHERE s >= t AND y)::numeric AS tp, count(*) FILTER (WHERE s >= t AND NOT y)::numeric AS fp,
			count(*) FILTER (WHERE y)::numeric AS pos, count(*) FILTER (WHERE NOT y)::numeric AS neg
		FROM few, (SELECT DISTINCT s AS t FROM few WHERE few.d = by_hand.d UNION SELECT 'Infinity') ts WHERE few.d = by_hand.d GROUP BY t),
	judged AS (
		SELECT *, CASE WHEN o ? 'best' THEN CASE WHEN o->>'best' = 'f1' THEN 2 * tp / (tp + fp + pos) ELSE tp / pos - fp / neg END
			WHEN o ?| '{cost_fp,cost_fn,cost_tp,cost_tn}' THEN -coalesce((o->>'cost_tp')::numeric, 0) * tp - coalesce((o->>'cost_fp')::numeric, 0) * fp
				- coalesce((o->>'cost_tn')::numeric, 0) * (neg - fp) - coalesce((o->>'cost_fn')::numeric, 0) * (pos - tp)
			WHEN o ? 'min_precision' THEN CASE WHEN tp >= (o->>'min_precision')::numeric * (tp + fp) AND tp + fp > 0 THEN tp - fp / 1000 END
			WHEN o ? 'min_recall' THEN CASE WHEN tp >= (o->>'min_recall')::numeric * pos THEN -(tp + fp) END
			ELSE CASE WHEN tp + fp <= coalesce((o->>'capacity')::numeric, (o->>'share')::numeric * (pos + neg)) THEN tp + fp END END AS worth
		FROM at WHERE o ?| '{cost_fp,cost_fn,cost_tp,cost_tn}' OR t < 'Infinity')
	SELECT t FROM judged WHERE worth IS NOT NULL ORDER BY round(worth, 12) DESC, t LIMIT 1
$$;
SELECT is(count(*), count(*) FILTER (WHERE threshold IS NOT DISTINCT FROM pg_temp.by_hand(d, o::jsonb)), 'as every threshold tried by hand: ' || o)
FROM (SELECT d, o, (lead_threshold(s, y, o::jsonb)).threshold FROM few, unnest(ARRAY['{"best": "f1"}', '{"best": "youden"}', '{"min_precision": 0.75}',
	'{"min_recall": 0.8}', '{"cost_fp": 3, "cost_fn": 1}', '{"cost_fp": 0.5, "cost_tp": -2, "cost_tn": -1}', '{"share": 0.25}', '{"capacity": 4}']) o GROUP BY 1, 2) b
GROUP BY o ORDER BY o COLLATE "C";
SELECT is(md5(string_agg(a::text, ',' ORDER BY o)), md5(string_agg(b::text, ',' ORDER BY o)), 'shuffled pairs, the same choice')
FROM (SELECT o, lead_threshold(s, y, o::jsonb ORDER BY s, y) AS a, lead_threshold(s, y, o::jsonb ORDER BY y, md5(s::text)) AS b
	FROM p, unnest(ARRAY['{"best": "f1"}', '{"capacity": 40}']) o WHERE c = 'fine' GROUP BY 1) t;

---------------------------------------------------------------------------
-- Calibrated models: what must be the same, and what must not
---------------------------------------------------------------------------
CREATE TABLE leads AS
SELECT i AS id, 'g' || i % 37 AS shop, 'c' || i * 7919 % 13 AS city, (i * 31 % 17)::int AS clicks, CASE WHEN i % 5 > 0 THEN (i * 104729 % 29)::int END AS calls,
	(i * 15485863 % 1009) % 17 + i * 104729 % 29 % 7 < i * 31 % 17 AS won
FROM generate_series(1, 2400::bigint) i;
CREATE TEMP TABLE frames AS
SELECT lead_frame(won, l, '{"exclude": ["id", "shop"]}') FILTER (WHERE id % 4 > 0) AS part, lead_frame(won, l, '{"exclude": ["id", "shop"]}') FILTER (WHERE id % 4 = 0) AS rest,
	lead_frame(won, l, '{"exclude": ["id"], "group": "shop"}') AS grouped
FROM leads l;
CREATE TEMP TABLE plain AS
SELECT o->>'family' AS family, o, lead_fit(part, o) AS model FROM frames, unnest(ARRAY['{"family": "logistic", "min_count": 5}', '{"family": "boost", "trees": 200, "min_leaf": 2, "depth": 6, "mtry": 9}',
	'{"family": "forest", "trees": 30, "min_leaf": 1, "seed": 3}']::jsonb[]) o;
CREATE TABLE models AS
SELECT family, method, model AS raw, lead_calibrate(model, rest, method) AS model FROM plain, frames, unnest('{platt,isotonic}'::text[]) method;

SELECT is(bool_and(lead_info(model)->'calibration' = (SELECT lead_calibration_map(lead_score(raw, l), won, method) FROM leads l WHERE id % 4 = 0)), true,
	'a frame gives the map of its rows') FROM models;
SELECT is(bool_and(model = lead_calibrate(raw, lead_info(model)->'calibration')), true, 'a map comes back as it was') FROM models;
SELECT is(bool_and(lead_uncalibrated(model) = raw AND lead_uncalibrated(raw) = raw), true, 'without its calibration a model has its old bytes') FROM models;
SELECT is(count(DISTINCT a.model), 6::bigint, 'a new calibration replaces the old one')
FROM models a JOIN models b USING (family), frames WHERE lead_calibrate(b.model, rest, a.method) = a.model;
SELECT cmp_ok(max(abs(lead_score(model, l) - pg_temp.mapped(lead_info(model)->'calibration', lead_score(raw, l)))), '<', 1e-14::float8, 'a score is the map of the raw score')
FROM models, leads l WHERE id % 7 = 0;
SELECT is(count(*), 0::bigint, 'however it is asked for')
FROM models, leads l WHERE id % 11 = 0 AND (lead_score(model, l) <> lead_score(model, (SELECT l)) OR lead_score(model, l) <> lead_score(model, to_jsonb(l))
	OR lead_score(model, l) <> lead_score_values(model, '["city", "clicks", "calls"]', city, clicks, calls)
	OR abs(lead_score(model, l) - 1 / (1 + exp(-lead_log_odds(model, l)))) > 1e-14);
SELECT is(bool_and(s.scores = r.scores), true, 'and of the rows in a frame')
FROM models, frames, LATERAL (SELECT array_agg(score ORDER BY score) AS scores FROM lead_score_frame(model, rest), generate_series(1, positives + negatives)) s,
	LATERAL (SELECT array_agg(lead_score(model, l) ORDER BY lead_score(model, l)) AS scores FROM leads l WHERE id % 4 = 0) r;
SELECT cmp_ok(max(greatest(abs(a.mean - x.mean), abs(b.mean - x.mean))), '<', 1e-9::float8, 'and in a profile')
FROM models, frames, LATERAL (SELECT avg(lead_score(model, l)) AS mean, lead_profile(model, l) AS p FROM (SELECT city, clicks, calls FROM leads WHERE id % 4 = 0) l) x,
	lead_describe(lead_profile(model, rest)) a, lead_describe(x.p) b WHERE a."column" = '(score)' AND b."column" = '(score)';
SELECT cmp_ok(abs(points - 100 * slope * (SELECT avg(lead_score(model, l) * (1 - lead_score(model, l))) FROM leads l WHERE id % 4 > 0)), '<', 0.005::float8,
	'the impact of drift in points counts the slope of the calibration')
FROM models, frames, LATERAL (SELECT impact_points / impact_log_odds AS points FROM lead_drift(lead_profile(model, part), lead_profile(model, rest), model => model)
	WHERE "column" = 'clicks') d, LATERAL (SELECT (lead_info(model)->'calibration'->>'slope')::float8 AS slope) s
WHERE family = 'logistic' AND method = 'platt';
SELECT cmp_ok(max(abs(total - CASE family WHEN 'forest' THEN lead_score(model, l) ELSE lead_log_odds(model, l) END)), '<', 1e-12::float8,
	'contributions and the calibration add up to the log-odds, of a forest to the score')
FROM models, leads l, LATERAL (SELECT sum(contribution) AS total FROM lead_explain(model, l)) e WHERE id % 13 = 0;
SELECT cmp_ok(max(abs(total - CASE family WHEN 'forest' THEN lead_score(raw, l) ELSE lead_log_odds(raw, l) END) + abs(shown::float8 - lead_score(raw, l))), '<', 1e-12::float8,
	'without it to those of the raw score, which it shows')
FROM models, leads l, LATERAL (SELECT sum(contribution) FILTER (WHERE "column" <> '(calibration)') AS total, max(value) FILTER (WHERE "column" = '(calibration)') AS shown
	FROM lead_explain(model, l)) e WHERE id % 13 = 0;
SELECT is(bool_and(lead_reasons(model, l) = lead_reasons(raw, l)), true, 'reasons are those of the raw score') FROM models, leads l WHERE id % 13 = 0;
SELECT is(bool_and(a = b), true, 'the order of leads is the same under platt')
FROM (SELECT rank() OVER (PARTITION BY family ORDER BY lead_score(raw, l)) AS a, rank() OVER (PARTITION BY family ORDER BY lead_score(model, l)) AS b
	FROM models, leads l WHERE method = 'platt' AND family <> 'forest') x;

-- out of fold
SELECT is(bool_and((lead_info(lead_fit(part, o || jsonb_build_object('calibrate', method)))->'calibration') - 'folds' = (
		SELECT lead_calibration_map(s.score, r.won, method) FROM lead_cv_scores(part, o, seed => -1) s,
			LATERAL (SELECT true AS won FROM generate_series(1, s.positives) UNION ALL SELECT false FROM generate_series(1, s.negatives)) r)), true,
	'{"calibrate": …} is the map of the out-of-fold scores') FROM plain, frames, unnest('{platt,isotonic}'::text[]) method;
SELECT is(bool_and(lead_uncalibrated(lead_fit(part, o || '{"calibrate": "platt"}')) = lead_fit(part, o || '{"calibrate": "none"}')), false, 'the options of a fit are kept in it') FROM plain, frames;
SELECT is(lead_train(won, l, '{"family": "forest", "trees": 9, "calibrate": "isotonic"}' ORDER BY id), lead_train(won, l, '{"family": "forest", "trees": 9, "calibrate": "isotonic"}' ORDER BY md5(id::text)),
	'shuffled rows, the same bytes') FROM (SELECT id, city, clicks, calls, won FROM leads) l;
SELECT is((lead_info(lead_fit(grouped, '{"calibrate": "platt"}'))->'calibration') - 'folds', (
	SELECT lead_calibration_map(s.score, r.won, 'platt') FROM lead_cv_scores(grouped, seed => -1, folds_by => 'group') s,
		LATERAL (SELECT true AS won FROM generate_series(1, s.positives) UNION ALL SELECT false FROM generate_series(1, s.negatives)) r), 'groups stay together') FROM frames;
SELECT ok(with_it.log_loss < without.log_loss - 0.02, 'a calibration is learnt within the folds of a cross-validation')
FROM plain, frames, lead_cv(part, o) without, lead_cv(part, o || '{"calibrate": "platt"}') with_it WHERE family = 'boost' AND without.fold IS NULL AND with_it.fold IS NULL;
SELECT is(a.log_loss, b.log_loss, 'and of a tuning')
FROM plain, frames, lead_tune(part, '{"calibrate": ["none", "isotonic"]}', o) a, lead_cv(part, o || '{"calibrate": "isotonic"}') b
WHERE family = 'boost' AND a.options_used->>'calibrate' = 'isotonic' AND b.fold IS NULL;
SELECT is(t::text, (SELECT lead_threshold(s.score, r.won, '{"best": "f1"}')::text FROM lead_cv_scores(part, o, 3, 1) s,
		LATERAL (SELECT true AS won FROM generate_series(1, s.positives) UNION ALL SELECT false FROM generate_series(1, s.negatives)) r), 'a threshold of out-of-fold scores')
FROM plain, frames, lead_cv_threshold(part, '{"best": "f1"}', o, 3, 1) t WHERE family = 'logistic';
SELECT is(t::text, (SELECT lead_threshold(lead_score(model, l), won, '{"share": 0.2}')::text FROM leads l WHERE id % 4 = 0), 'a threshold of the rows in a frame')
FROM models, frames, lead_threshold_frame(model, rest, '{"share": 0.2}') t WHERE family = 'boost' AND method = 'platt';

-- by name
SELECT lives_ok($$SELECT lead_train_model('calibrated', 'leads', 'won', options => '{"exclude": ["shop"], "calibrate": "platt"}', key => 'id')$$, 'a recipe may calibrate');
SELECT is(count(*), 2400::bigint, 'the registered version scores so')
FROM leadscore.versions v, leads l WHERE name = 'calibrated' AND lead_score('calibrated', l) = lead_score(v.model, l) AND lead_score(v.model, l) <> lead_score(lead_uncalibrated(v.model), l);
SELECT matches(leadscore.climb('calibrated', 1, NULL, '{}', '{}')->>'note', 'a calibrated model is trained anew', 'the ladder has no step for it');

\if :here
---------------------------------------------------------------------------
-- Real leads
---------------------------------------------------------------------------
CREATE TEMP TABLE six AS
SELECT lead_frame(app_complete_flag, r) FILTER (WHERE split <> 'test') AS part, lead_frame(app_complete_flag, r) FILTER (WHERE split = 'test') AS rest
FROM codepro, LATERAL (SELECT total_leads_droppped, referred_lead, city_tier, first_platform_c, first_utm_medium_c, first_utm_source_c, extract(hour FROM created_date)::int AS hour) r;
CREATE TEMP TABLE fitted AS
SELECT family, method, lead_fit(part, o || jsonb_build_object('calibrate', method)) AS model
FROM six, unnest('{none,platt,isotonic}'::text[]) method, (VALUES
	('forest', '{"family": "forest", "trees": 50, "depth": 64, "min_leaf": 1}'::jsonb),
	('boost', '{"family": "boost", "trees": 300, "depth": 8, "min_leaf": 2}'),
	('line', '{"min_count": 20, "separation": "ridge", "class_weight": {"false": 1, "true": 5}, "correct": false}')) f(family, o);
CREATE TEMP TABLE judged AS
SELECT family, method, e.* FROM fitted, six, lead_evaluate_frame(model, rest) e;
SELECT ok(a.log_loss < b.log_loss - 0.005, format('%s, %s: log loss falls on leads not seen', a.family, a.method))
FROM judged a JOIN judged b USING (family) WHERE a.method <> 'none' AND b.method = 'none' ORDER BY 1;
SELECT ok(abs(a.auc - b.auc) < 1e-4, a.family || ': platt leaves AUC as it is') FROM judged a JOIN judged b USING (family) WHERE a.method = 'platt' AND b.method = 'none' ORDER BY 1;
SELECT ok(abs(auc_loss) < 0.003, 'isotonic nearly') FROM (SELECT max(abs(a.auc - b.auc)) AS auc_loss FROM judged a JOIN judged b USING (family) WHERE a.method = 'isotonic' AND b.method = 'none') x;
SELECT ok(bool_and(abs(calibration_slope - 1) < 0.15 AND abs(calibration_intercept) < 0.15), 'calibrated scores have slope and intercept near 1 and 0') FROM judged WHERE method <> 'none';
SELECT diag(format('%-6s %-8s AUC %s, log loss %s, slope %s', family, method, round(auc::numeric, 4), round(log_loss::numeric, 4), round(calibration_slope::numeric, 3)))
FROM judged ORDER BY family, method;
\endif
SELECT * FROM finish();
ROLLBACK;
