-- Quality of a score: numbers against scikit-learn 1.2.1, pROC 1.18.0 (R) and
-- plain SQL formulations of the definitions.
--
-- The pairs are made by integer arithmetic, the same in SQL and in NumPy:
--	ties	i = 1 … 500		s = (i*7919 % 101) / 100		y = (i*i*31 + i*17) % 97 < (i*7919 % 101)*0.8 + 8
--	fine	i = 1 … 1000	s = (i*7919 % 10007) / 10007	y = (i*i*31 + i*17) % 10007 < i*7919 % 10007
--	coarse	i = 1 … 300		s = (i*i % 5) / 4				y = i*13 % 29 < (i*i % 5)*6 + 2
--	small	i = 1 … 30		s = (i*11 % 17) / 16			y = i*i*7 % 23 < i*11 % 17
-- In Python, with f, t, h = roc_curve(y, s) and P, R, T = precision_recall_curve(y, s):
--	roc_auc_score(y, s), average_precision_score(y, s), log_loss(y, s),
--	brier_score_loss(y, s), scipy.stats.ks_2samp(s[y==1], s[y==0]).statistic,
--	accuracy_score, precision_score, recall_score (pos_label 1 and 0), f1_score
--	with s >= 0.5; max(f1_score(y, s >= u)) and recall + recall(pos_label=0) - 1
--	over u in unique(s).  In R: ci.auc(roc(y, s, direction = "<")) (DeLong).
-- Calibration in R 4.2, with scores clipped to [ε, 1 - ε], ε = .Machine$double.eps,
-- lp their log-odds: glm(y ~ lp, binomial) to epsilon = 1e-16,
-- uniroot of sum(y - plogis(a + lp)); standard errors from the weights at the estimates themselves
-- (glm's own are one iteration older), estimate ± qnorm(0.975) of them.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
SET client_min_messages = warning;
SELECT plan(55);

CREATE TEMP TABLE p AS
SELECT 'ties' AS c, i, (i * 7919 % 101) / 100.0::float8 AS s, (i * i * 31 + i * 17) % 97 < (i * 7919 % 101) * 0.8 + 8 AS y FROM generate_series(1, 500) i
UNION ALL
SELECT 'fine', i, (i * 7919 % 10007) / 10007.0::float8, (i * i * 31 + i * 17) % 10007 < i * 7919 % 10007 FROM generate_series(1, 1000) i
UNION ALL
SELECT 'coarse', i, (i * i % 5) / 4.0::float8, i * 13 % 29 < (i * i % 5) * 6 + 2 FROM generate_series(1, 300) i
UNION ALL
SELECT 'small', i, (i * 11 % 17) / 16.0::float8, i * i * 7 % 23 < i * 11 % 17 FROM generate_series(1, 30) i;

CREATE TEMP TABLE e AS SELECT c, (x).* FROM (SELECT c, lead_evaluate(s, y) AS x FROM p GROUP BY c) q;

-- scikit-learn and pROC
CREATE TEMP TABLE r (c text, n bigint, positives bigint, auc float8, average_precision float8,
	log_loss float8, brier float8, ks float8, auc_low float8, auc_high float8);
INSERT INTO r VALUES
	('ties', 500, 272, 0.7924890350877194, 0.814747421960152, 0.5758465118708374, 0.1883008, 0.4725232198142415, 0.75293145212051826, 0.83204661805492031),
	('fine', 1000, 494, 0.819834056104079, 0.8221231681978793, 0.5165588815026144, 0.17344604890297188, 0.48314957353858956, 0.79440667582948765, 0.84526143637867035),
	('coarse', 300, 144, 0.8632478632478633, 0.8095717592592593, 2.2783938727841764, 0.13666666666666666, 0.6597222222222222, 0.82482540416544980, 0.90167032233027655),
	('small', 30, 5, 0.72, 0.2771950271950272, 3.0729443088020423, 0.29518229166666665, 0.6, 0.53838137098021333, 0.90161862901978662);
CREATE TEMP TABLE far AS
SELECT count(*) AS n, max(abs(e.n - r.n) + abs(e.positives - r.positives)) AS counts,
	   max(abs(e.auc / r.auc - 1)) AS auc, max(abs(e.average_precision / r.average_precision - 1)) AS ap,
	   max(abs(e.log_loss / r.log_loss - 1)) AS log_loss, max(abs(e.brier / r.brier - 1)) AS brier,
	   max(abs(e.ks / r.ks - 1)) AS ks, max(abs(e.gini - (2 * r.auc - 1))) AS gini,
	   max(greatest(abs(e.auc_low / r.auc_low - 1), abs(e.auc_high / r.auc_high - 1))) AS ci
FROM e JOIN r USING (c);
SELECT is(n, 4::bigint, 'four cases') FROM far;
SELECT is(counts, 0::bigint, 'n and positives') FROM far;
SELECT cmp_ok(auc, '<', 1e-14::float8, 'auc as scikit-learn') FROM far;
SELECT cmp_ok(ap, '<', 1e-14::float8, 'average precision as scikit-learn') FROM far;
SELECT cmp_ok(log_loss, '<', 1e-13::float8, 'log loss as scikit-learn') FROM far;
SELECT cmp_ok(brier, '<', 1e-14::float8, 'Brier score as scikit-learn') FROM far;
SELECT cmp_ok(ks, '<', 1e-14::float8, 'ks as scipy') FROM far;
SELECT cmp_ok(gini, '<', 1e-14::float8, 'gini = 2 auc - 1') FROM far;
SELECT cmp_ok(ci, '<', 1e-13::float8, 'DeLong interval as pROC') FROM far;

SELECT results_eq($$ SELECT c, tp, fp, tn, fn FROM e ORDER BY c $$,
	$$ VALUES ('coarse', 107::bigint, 13::bigint, 143::bigint, 37::bigint), ('fine', 365, 135, 371, 129),
			  ('small', 5, 12, 13, 0), ('ties', 193, 60, 168, 79) $$, 'confusion matrices as scikit-learn');
SELECT results_eq($$ SELECT c, round(accuracy::numeric, 12), round(precision::numeric, 12), round(recall::numeric, 12), round(specificity::numeric, 12), round(f1::numeric, 12) FROM e WHERE c IN ('ties', 'fine') ORDER BY c $$,
	$$ VALUES ('fine', 0.736::numeric(20,12), round(0.73, 12), round(0.7388663967611336, 12), round(0.733201581027668, 12), round(0.7344064386317909, 12)),
			  ('ties', 0.722, round(0.7628458498023716, 12), round(0.7095588235294118, 12), round(0.7368421052631579, 12), round(0.7352380952380952, 12)) $$,
	'measures at the threshold as scikit-learn');
SELECT results_eq($$ SELECT c, round(best_f1_threshold::numeric, 12), round(best_f1::numeric, 12), round(best_youden_threshold::numeric, 12), round(best_youden::numeric, 12) FROM e ORDER BY c $$,
	$$ VALUES ('coarse', round(1.0, 12), round(0.8106060606060606, 12), round(1.0, 12), round(0.6597222222222222, 12)),
			  ('fine', round(0.30958329169581295, 12), round(0.7598989048020219, 12), round(0.4556810232837014, 12), round(0.48314957353858956, 12)),
			  ('small', round(0.5625, 12), round(0.5, 12), round(0.5625, 12), round(0.6, 12)),
			  ('ties', round(0.35, 12), round(0.7779632721202002, 12), round(0.42, 12), round(0.4725232198142415, 12)) $$,
	'best thresholds');

-- curves: all points of the small case, of the others their number and the
-- sums Σ i·f_i, Σ i·t_i, Σ h (without the first threshold) and likewise P, R, T
SELECT results_eq($$ SELECT round(fpr::numeric, 14), round(tpr::numeric, 14), threshold FROM unnest((SELECT lead_roc_curve(s, y) FROM p WHERE c = 'small')) $$,
	$$ SELECT round(f::numeric, 14), round(t::numeric, 14), h FROM unnest(
		'{0.0,0.08,0.12,0.28,0.28,0.4,0.56,0.6,0.92,1.0}'::float8[],
		'{0.0,0.0,0.2,0.2,0.4,1.0,1.0,1.0,1.0,1.0}'::float8[],
		'{inf,1.0,0.9375,0.8125,0.75,0.5625,0.4375,0.375,0.125,0.0}'::float8[]) x(f, t, h) $$,
	'ROC curve as scikit-learn');
SELECT results_eq($$ SELECT round(precision::numeric, 14), round(recall::numeric, 14), threshold FROM unnest((SELECT lead_pr_curve(s, y) FROM p WHERE c = 'small')) $$,
	$$ SELECT round(f::numeric, 14), round(t::numeric, 14), h FROM unnest(
		'{0.16666666666666666,0.1724137931034483,0.17857142857142858,0.19230769230769232,0.20833333333333334,0.22727272727272727,0.25,0.2631578947368421,0.29411764705882354,0.3333333333333333,0.3076923076923077,0.2727272727272727,0.2222222222222222,0.125,0.16666666666666666,0.25,0.0,1.0}'::float8[],
		'{1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,0.8,0.6,0.4,0.2,0.2,0.2,0.0,0.0}'::float8[],
		'{0.0,0.0625,0.125,0.1875,0.25,0.3125,0.375,0.4375,0.5,0.5625,0.625,0.6875,0.75,0.8125,0.875,0.9375,1.0,inf}'::float8[]) x(f, t, h) $$,
	'precision-recall curve as scikit-learn');
CREATE FUNCTION pg_temp.close(a float8, b float8) RETURNS boolean LANGUAGE sql AS 'SELECT abs(a - b) <= 1e-12 * abs(b)';
SELECT ok(count(*) = k.n AND pg_temp.close(sum(o * fpr), k.f) AND pg_temp.close(sum(o * tpr), k.t)
		  AND pg_temp.close(sum(threshold) FILTER (WHERE o > 1), k.h), 'ROC curve, ' || k.c)
FROM (VALUES ('ties', 75, 1533.9166666666667, 2332.2242647058824, 35.03), ('fine', 358, 28729.88932806324, 52696.85627530364, 178.64564804636757),
	('coarse', 4, 6.089743589743589, 8.402777777777779, 1.25)) k(c, n, f, t, h),
	LATERAL (SELECT u.* FROM unnest((SELECT lead_roc_curve(s, y) FROM p WHERE c = k.c)) WITH ORDINALITY u(threshold, fpr, tpr, tp, fp, o)) u
GROUP BY k.c, k.n, k.f, k.t, k.h ORDER BY k.c;
SELECT ok(count(*) = k.n AND pg_temp.close(sum(o * precision), k.f) AND pg_temp.close(sum(o * recall), k.t)
		  AND pg_temp.close(sum(threshold) FILTER (WHERE o < k.n), k.h), 'precision-recall curve, ' || k.c)
FROM (VALUES ('ties', 102, 4360.57173145645, 2453.0147058823527, 50.5), ('fine', 1001, 413286.58091929834, 248638.495951417, 500.7019086639352),
	('coarse', 4, 8.321666666666667, 5.173611111111112, 1.25)) k(c, n, f, t, h),
	LATERAL (SELECT u.* FROM unnest((SELECT lead_pr_curve(s, y) FROM p WHERE c = k.c)) WITH ORDINALITY u(threshold, precision, recall, tp, fp, o)) u
GROUP BY k.c, k.n, k.f, k.t, k.h ORDER BY k.c;

-- properties, against the definition in SQL
SELECT is((SELECT (lead_evaluate(s, y)).auc FROM p WHERE c = 'ties'),
	(SELECT avg(CASE WHEN a.s > b.s THEN 1 WHEN a.s = b.s THEN 0.5 ELSE 0 END)::float8
	 FROM p a, p b WHERE a.c = 'ties' AND b.c = 'ties' AND a.y AND NOT b.y), 'auc is the share of pairs in order');
SELECT is((SELECT (lead_evaluate(100 * s - 50, y)).auc FROM p WHERE c = 'fine'), auc, 'auc knows ranks only') FROM e WHERE c = 'fine';
SELECT is((SELECT (lead_evaluate(-s, y)).auc FROM p WHERE c = 'fine'), 1 - auc, 'the reverse score has the reverse auc') FROM e WHERE c = 'fine';
SELECT ok((x).log_loss IS NULL AND (x).brier IS NULL, 'no losses outside [0, 1]')
FROM (SELECT lead_evaluate(2 * s, y) AS x FROM p WHERE c = 'fine') q;
SELECT cmp_ok(abs((SELECT sum((fpr - f0) * (tpr + t0) / 2) FROM (SELECT *, lag(fpr) OVER w AS f0, lag(tpr) OVER w AS t0
	FROM unnest((SELECT lead_roc_curve(s, y) FROM p WHERE c = 'fine')) WINDOW w AS (ORDER BY threshold DESC)) u) - auc),
	'<', 1e-14::float8, 'the area under the ROC curve is auc') FROM e WHERE c = 'fine';
-- enough pairs for the radix sort, of 600 powers of two, with ties: once
-- with digits that are the same in all keys, once with both signs and full mantissas
CREATE TEMP TABLE w AS
SELECT m, (CASE WHEN m = 7 AND i % 3 = 0 THEN -1 ELSE 1 END) * 2::float8 ^ (i * 7 % 601 - 300) * (1 + (i % 4) / m) AS s,
	   i * 31 % 100 < 30 + i % 3 * 10 AS y
FROM generate_series(1, 12000) i, unnest('{4,7}'::float8[]) m;
SELECT is(a.auc, b.auc, 'auc over all magnitudes, by ranks') FROM
	(SELECT m, (lead_evaluate(s, y)).auc FROM w GROUP BY m) a JOIN
	(SELECT m, (sum(r) FILTER (WHERE y) - count(*) FILTER (WHERE y) * (count(*) FILTER (WHERE y) + 1) / 2.0)::float8
			/ (count(*) FILTER (WHERE y) * count(*) FILTER (WHERE NOT y)) AS auc
	 FROM (SELECT m, y, rank() OVER (PARTITION BY m ORDER BY s) + (count(*) OVER (PARTITION BY m, s) - 1) / 2.0 AS r FROM w) q GROUP BY m) b
	USING (m) ORDER BY m;
-- small terms are not lost beside a large one
SELECT cmp_ok(abs((lead_evaluate(i * 1e-12::float8, i = 0)).brier * 100001 / (1 + 1e-24::float8 * sum(i::bigint * i)::float8) - 1),
	'<', 1e-14::float8, 'sums are compensated') FROM generate_series(0, 100000) i;

-- R: slope and intercept of the calibration, means of the losses with their intervals
CREATE TEMP TABLE cal (c text, slope float8, slope_low float8, slope_high float8, intercept float8, intercept_low float8,
	intercept_high float8, log_loss_low float8, log_loss_high float8, brier_low float8, brier_high float8, mean_score float8);
INSERT INTO cal VALUES
	('ties', 0.7080168883581053, 0.5556517915825695, 0.8603819851336411, 0.2606189695657478, 0.04413756586430337, 0.4771003732671921, 0.5180355048962809, 0.633657518845394, 0.1683155731819734, 0.2082860268180265, 0.50108),
	('fine', 0.9290867650561486, 0.8023772164493831, 1.055796313662914, -0.04017691852101477, -0.1919374396563866, 0.1115836026143571, 0.4845346568515962, 0.5485831061536329, 0.1608702531558179, 0.1860218446501258, 0.5007019086639353),
	('coarse', 0.07424724531919401, 0.05873913713074802, 0.08975535350764, -0.2876820724517802, -0.7349806083810686, 0.1596164634775083, 1.339162881884234, 3.217624863684119, 0.105848113710935, 0.1674852196223983, 0.5),
	('small', -0.001860971420986718, -0.08648280387626332, 0.08276086103428988, -2.831432266263955, -4.147541931223146, -1.515322601304765, 0, 6.28947000258796, 0.1801591119524341, 0.4102054713808992, 0.5270833333333333);
CREATE FUNCTION pg_temp.off(x float8, r float8) RETURNS float8 LANGUAGE sql AS 'SELECT abs(x - r) / greatest(abs(r), 1e-3)';
SELECT cmp_ok(max(greatest(pg_temp.off(calibration_slope, slope), pg_temp.off(calibration_slope_low, slope_low),
	pg_temp.off(calibration_slope_high, slope_high))), '<', 1e-10::float8, 'calibration slope as R') FROM e JOIN cal USING (c) HAVING count(*) = 4;
SELECT cmp_ok(max(greatest(pg_temp.off(calibration_intercept, intercept), pg_temp.off(calibration_intercept_low, intercept_low),
	pg_temp.off(calibration_intercept_high, intercept_high))), '<', 1e-10::float8, 'calibration in the large as R') FROM e JOIN cal USING (c) HAVING count(*) = 4;
SELECT cmp_ok(max(greatest(pg_temp.off(e.log_loss_low, cal.log_loss_low), pg_temp.off(e.log_loss_high, cal.log_loss_high),
	pg_temp.off(e.brier_low, cal.brier_low), pg_temp.off(e.brier_high, cal.brier_high), pg_temp.off(e.mean_score, cal.mean_score))),
	'<', 1e-12::float8, 'intervals of log loss and Brier score, mean score') FROM e JOIN cal USING (c) HAVING count(*) = 4;
-- the tenth's own definition: its tile, and Wilson's quadratic for its rate
SELECT is_empty($$ SELECT c FROM (SELECT c, (lead_lift(s, y))[1] AS t FROM p GROUP BY c) q JOIN e USING (c)
	WHERE e.lift_10 <> (t).lift $$, 'lift_10 is that of the first tile of ten');
SELECT is_empty($$ SELECT c, x FROM e, unnest(ARRAY[lift_10_low, lift_10_high]) AS l, LATERAL (SELECT l * positives / n AS x, lift_10 * positives / n AS r) q
	WHERE abs((r - x)^2 - 1.959963984540054^2 * x * (1 - x) / (n / 10.0)) > 1e-14 $$, 'and its interval is Wilson''s of the rate');
SELECT results_eq($$ SELECT k, (x).calibration_slope IS NULL, (x).calibration_intercept IS NULL, (x).log_loss_low IS NULL, (x).lift_10 IS NULL
	FROM (VALUES ('one class', '{0.1,0.2,0.3}'::float8[], '{1,1,1}'::int[]), ('no positive', '{0.1,0.2,0.3}', '{0,0,0}'),
		('one score', '{0.3,0.3,0.3}', '{0,1,0}'), ('separated', '{0.1,0.2,0.7}', '{0,0,1}'), ('the wrong way round', '{0.1,0.2,0.7}', '{1,1,0}'),
		('all but a tie', '{0.1,0.2,0.2,0.7}', '{0,0,1,1}'), ('one apart', '{0.1,0.2,0.2,0.7,0.8}', '{0,0,1,1,0}'),
		('0 and 1', '{0,1,0,1}', '{0,1,1,0}'), ('0 and 1, right', '{0,1,0,1}', '{0,1,0,1}'), ('beyond 1', '{0,1.5,0,1}', '{0,1,1,0}'),
		('infinite', '{-inf,inf,0,1}', '{0,1,1,0}'), ('one', '{0.5}', '{1}')) AS v(k, s, y),
		LATERAL (SELECT lead_evaluate(t.s, t.y) AS x FROM unnest(v.s, v.y) AS t(s, y)) AS q $$,
	$$ VALUES ('one class', true, true, false, false), ('no positive', true, true, false, true), ('one score', true, false, false, false),
		('separated', true, false, false, false), ('the wrong way round', true, false, false, false), ('all but a tie', true, false, false, false),
		('one apart', false, false, false, false), ('0 and 1', false, false, false, false), ('0 and 1, right', true, false, false, false),
		('beyond 1', true, true, true, false), ('infinite', true, true, true, false), ('one', true, true, true, false) $$,
	'what has no likeliest value is NULL, and nothing else');
-- half of the certain ones are wrong: no slope, and what is in the middle decides the intercept
SELECT cmp_ok(abs((lead_evaluate(s, y)).calibration_slope), '<', 1e-12::float8, 'certain and wrong as often as right: no slope')
FROM unnest('{0,1,0,1}'::float8[], '{0,1,1,0}'::int[]) AS t(s, y);
SELECT cmp_ok(abs((lead_evaluate(0.5, i = 1)).calibration_intercept + ln(99999::float8)), '<', 1e-12::float8, 'a rate far from the scores')
FROM generate_series(1, 100000) AS i;
-- to put all scores on the odds, shifted and stretched, is to move slope and intercept so
SELECT cmp_ok(abs((b.x).calibration_slope * 2 - (a.x).calibration_slope), '<', 1e-10::float8, 'log-odds twice as great: half the slope')
FROM (SELECT lead_evaluate(s, y) AS x FROM p WHERE c = 'fine') AS a,
	(SELECT lead_evaluate(1 / (1 + ((1 - s) / s)^2), y) AS x FROM p WHERE c = 'fine' AND s > 0) AS b;
SELECT cmp_ok(abs((b.x).calibration_intercept + 1.5 - (a.x).calibration_intercept), '<', 1e-10::float8, 'log-odds greater by 1.5: the intercept less by it')
FROM (SELECT lead_evaluate(s, y) AS x FROM p WHERE c = 'fine') AS a,
	(SELECT lead_evaluate(1 / (1 + (1 - s) / s * exp(-1.5)), y) AS x FROM p WHERE c = 'fine' AND s > 0) AS b;
SELECT is(a.x, b.x, 'the same bits in any order') FROM (SELECT lead_evaluate(s, y ORDER BY i) AS x FROM p WHERE c = 'fine') AS a,
	(SELECT lead_evaluate(s, y ORDER BY md5(i::text)) AS x FROM p WHERE c = 'fine') AS b;
-- a model of its own training rows is calibrated there
SELECT cmp_ok(abs((x).calibration_slope - 1) + abs((x).calibration_intercept), '<', 1e-8::float8, 'an unpenalised fit has slope 1 and intercept 0 on its own rows')
FROM (SELECT lead_evaluate(lead_score(m, d), d.y) AS x
	FROM (SELECT lead_train(d.y, d) AS m FROM (SELECT s, y FROM p WHERE c = 'fine') AS d) AS t, (SELECT s, y FROM p WHERE c = 'fine') AS d) AS q;

-- tiles: cut every pair into as many parts as there are tiles, each with the
-- mean label of its tie, and deal the parts out
CREATE TEMP TABLE lift AS
SELECT c, k, (u).* FROM (SELECT c, k, unnest(CASE k WHEN 10 THEN lead_lift(s, y) ELSE lead_lift(s, y, k) END) AS u
	FROM p, unnest('{1,3,7,10,40}'::int[]) k GROUP BY c, k) q;
CREATE TEMP TABLE parts AS
SELECT c, k, 1 + (row_number() OVER (PARTITION BY c, k ORDER BY s DESC) - 1) / n AS tile, s, rate / k AS positive, n, positives
FROM (SELECT *, avg(y::int) OVER (PARTITION BY c, s) AS rate, count(*) OVER (PARTITION BY c) AS n,
			 sum(y::int) OVER (PARTITION BY c) AS positives FROM p) m,
	unnest('{1,3,7,10,40}'::int[]) k, generate_series(1, k);
CREATE TEMP TABLE tiles AS
SELECT *, sum(pos) OVER (PARTITION BY c, k ORDER BY tile) / positives AS gain
FROM (SELECT c, k, tile, n::float8 / k AS n, sum(positive)::float8 AS pos, min(s) AS lo, max(s) AS hi,
			 positives::float8 AS positives, positives::float8 / n AS base FROM parts GROUP BY c, k, tile, parts.n, positives) q;
SELECT is((SELECT count(*) FROM lift JOIN tiles USING (c, k, tile)), 244::bigint, 'tiles');
SELECT is_empty($$ SELECT * FROM lift l JOIN tiles t USING (c, k, tile)
	WHERE abs(l.n - t.n) > 1e-12 OR abs(l.positives - t.pos) > 1e-11 OR abs(l.rate - t.pos / t.n) > 1e-12
	   OR abs(l.lift - t.pos / t.n / t.base) > 1e-11 OR abs(l.gain - t.gain) > 1e-12
	   OR abs(l.cumulative_lift - t.gain * k / tile) > 1e-11 OR l.min_score <> t.lo OR l.max_score <> t.hi $$, 'lift by the definition');
SELECT is((SELECT array_agg(DISTINCT gain) FROM lift WHERE tile = k), '{1}'::float8[], 'the last gain is 1 exactly');

-- calibration: bins by the middle of each tie, Wilson's interval by its quadratic
CREATE TEMP TABLE bins AS
SELECT c, k, (u).* FROM (SELECT c, k, unnest(CASE k WHEN 10 THEN lead_calibration(s, y) ELSE lead_calibration(s, y, k) END) AS u
	FROM p, unnest('{1,4,10,33}'::int[]) k GROUP BY c, k) q;
CREATE TEMP TABLE expected AS
SELECT c, k, 1 + floor(mid * k / n)::int AS bin, count(*) AS n, sum(y::int) AS positives, avg(s) AS mean_score,
	   min(s) AS lo, max(s) AS hi
FROM (SELECT c, s, y, count(*) OVER (PARTITION BY c) AS n,
			 rank() OVER (PARTITION BY c ORDER BY s) - 1 + count(*) OVER (PARTITION BY c, s) / 2.0 AS mid FROM p) m,
	unnest('{1,4,10,33}'::int[]) k
GROUP BY c, k, 3;
SELECT results_eq('SELECT c, k, bin, n, positives, min_score, max_score FROM bins ORDER BY 1, 2, 3',
				  'SELECT c, k, bin, n, positives, lo, hi FROM expected ORDER BY 1, 2, 3', 'quantile bins');
SELECT is_empty('SELECT * FROM bins b JOIN expected e USING (c, k, bin) WHERE abs(b.mean_score - e.mean_score) > 1e-14 OR abs(b.rate - e.positives::float8 / e.n) > 1e-15', 'means and rates');
-- both ends solve (rate - p)² = z² p (1 - p) / n
SELECT is_empty('SELECT * FROM bins, unnest(ARRAY[low, high]) x WHERE abs((rate - x)^2 - 1.959963984540054^2 * x * (1 - x) / n) > 1e-14', 'Wilson intervals');
SELECT is_empty('SELECT * FROM bins WHERE NOT (low <= rate AND rate <= high AND low >= 0 AND high <= 1)', 'in order');
SELECT cmp_ok(max(abs(e - o)), '<', 1e-14::float8, 'ece of ' || k || ' bins')
FROM (SELECT c, 10 AS k, lead_ece(s, y) AS e FROM p GROUP BY c UNION ALL SELECT c, 4, lead_ece(s, y, 4) FROM p GROUP BY c) a
JOIN (SELECT c, k, sum(n * abs(positives::float8 / n - mean_score)) / sum(n) AS o FROM expected GROUP BY c, k) b USING (c, k)
GROUP BY k ORDER BY k;

-- so many different scores that the regression starts from cells of them: the
-- slope is that of a fit on the log-odds, the intercept balances the sum
CREATE TEMP TABLE many AS
SELECT 1 / (1 + exp(-z)) AS s, u < 1 / (1 + exp(-0.3 - 0.8 * z)) AS y
FROM (SELECT (hashint8extended(i, 1) & 1048575) / 131072.0::float8 - 5 AS z, (hashint8extended(i, 2) & 1048575) / 1048576.0::float8 AS u
	  FROM generate_series(1, 120000) i) q;
CREATE TEMP TABLE many_e AS SELECT (lead_evaluate(s, y)).* FROM many;
SELECT cmp_ok(pg_temp.off(calibration_slope, c.estimate) + pg_temp.off((calibration_slope_high - calibration_slope_low) / 2, 1.959963984540054 * c.std_error),
	'<', 1e-9::float8, 'many scores: the slope and its error are those of a fit on the log-odds')
FROM many_e, (SELECT lead_train(y, q) AS model FROM (SELECT y, ln(s / (1 - s)) AS z FROM many) q) m,
	lead_coefficients(m.model) c WHERE c."column" = 'z';
SELECT cmp_ok(abs(sum(1 / (1 + exp(-calibration_intercept - ln(s / (1 - s)))) - y::int)), '<', 1e-6::float8, 'many scores: the intercept balances the sum')
FROM many, many_e;

-- folds: even, and another seed deals anew
SELECT cmp_ok(sum((n - 10000)^2 / 10000), '<', 27.9, 'folds of numbers are even: χ² of 9, p > 0.001')
FROM (SELECT count(*)::numeric AS n FROM generate_series(1, 100000) i GROUP BY lead_fold(i, 10)) q;
SELECT cmp_ok(sum((n - 1000)^2 / 1000), '<', 148.3, 'seeds are independent: χ² of 99, p > 0.001')
FROM (SELECT count(*)::numeric AS n FROM generate_series(1, 100000) i GROUP BY lead_fold(i, 10, 1), lead_fold(i, 10, 2)) q;
SELECT cmp_ok(sum((n - 20000)^2 / 20000), '<', 18.5, 'folds of uuids are even: χ² of 4, p > 0.001')
FROM (SELECT count(*)::numeric AS n FROM generate_series(1, 100000) i GROUP BY lead_fold(md5(i::text)::uuid, 5)) q;
SELECT is_empty($$ SELECT i FROM generate_series(-1000, 1000) i WHERE lead_fold(i, 97, 3) <> lead_fold(i::text, 97, 3) OR lead_fold(i, 97, 3) NOT BETWEEN 0 AND 96
	OR lead_fold('2024-01-01'::date + i, 97) <> lead_fold(to_char('2024-01-01'::date + i, 'YYYY-MM-DD'), 97) $$, 'a key folds as its text');

SELECT * FROM finish();
ROLLBACK;
