-- Drift: every method against SciPy, the defaults against Evidently's table, the
-- impact against the scores themselves, and three real data sets.
--
-- References: Python 3.11, SciPy 1.10.1, NumPy 1.24.2 (Debian 12's python3-scipy):
-- jensenshannon and psi of shares in numpy.histogram's bins over both sides, as
-- many as ⌈log2(n + m) + 1⌉ where the reference has more than 20 numbers, else of
-- shares by value (zeros of psi filled with 0.0001); wasserstein_distance over the
-- reference's numpy.std; ks_2samp; chisquare(current, reference · m/n); the pooled
-- z with norm.sf.
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(86);

CREATE FUNCTION pg_temp.far(a float8, b float8) RETURNS float8 LANGUAGE sql AS
$$ SELECT CASE WHEN a = b THEN 0 ELSE abs(a - b) / greatest(abs(b), 1e-300) END $$;

CREATE TEMP TABLE sides AS
SELECT size, side, lead_profile(r) AS p
FROM (VALUES ('small', 600, 500), ('large', 3000, 2500)) s(size, n, m), (VALUES ('reference'), ('current')) w(side),
	 LATERAL generate_series(1, CASE side WHEN 'reference' THEN n ELSE m END) i,
	 LATERAL (SELECT CASE side WHEN 'reference' THEN i * 37 % 401 ELSE i * 41 % 397 * 1.1::float8 END AS num,
					 CASE side WHEN 'reference' THEN i % 4 ELSE i * i % 5 % 4 END AS few,
					 CASE side WHEN 'reference' THEN i % 3 % 2 ELSE i % 5 % 2 END AS two,
					 (CASE side WHEN 'reference' THEN i % 6 ELSE i * i % 7 % 6 END)::text AS cat) r
GROUP BY size, side;
CREATE TEMP TABLE pairs AS
SELECT size, a.p AS reference, b.p AS current FROM sides a JOIN sides b USING (size) WHERE a.side = 'reference' AND b.side = 'current';

CREATE TEMP TABLE expected (size text, "column" text, method text, statistic float8, p float8);
INSERT INTO expected VALUES
	('small', 'num', 'psi', 0.26797072603217464, NULL),
	('small', 'num', 'jensenshannon', 0.15539810860471123, NULL),
	('small', 'num', 'wasserstein', 0.15263246853877258, NULL),
	('small', 'num', 'ks', 0.08466666666666667, 0.037729479764106906),
	('small', 'few', 'psi', 4.2873727986867, NULL),
	('small', 'few', 'jensenshannon', 0.4681268519770538, NULL),
	('small', 'few', 'chisquare', 540.0, 1.0219481325383151e-116),
	('small', 'two', 'psi', 0.019178804830118745, NULL),
	('small', 'two', 'jensenshannon', 0.04893714177703766, NULL),
	('small', 'two', 'chisquare', 10.0, 0.001565402258002549),
	('small', 'two', 'z', -2.2886885410853184, 0.022097455284227106),
	('small', 'cat', 'psi', 2.668645982336808, NULL),
	('small', 'cat', 'jensenshannon', 0.3740231198823398, NULL),
	('small', 'cat', 'chisquare', 296.65599999999995, 5.242652214768434e-62),
	('large', 'num', 'psi', 0.48906007004144264, NULL),
	('large', 'num', 'jensenshannon', 0.16196428793848683, NULL),
	('large', 'num', 'wasserstein', 0.15408543243921338, NULL),
	('large', 'num', 'ks', 0.08373333333333334, 9.182697226675036e-09),
	('large', 'few', 'psi', 4.2873727986867, NULL),
	('large', 'few', 'jensenshannon', 0.4681268519770538, NULL),
	('large', 'few', 'chisquare', 2700.0, 0.0),
	('large', 'two', 'psi', 0.019178804830118745, NULL),
	('large', 'two', 'jensenshannon', 0.04893714177703766, NULL),
	('large', 'two', 'chisquare', 50.0, 1.537459794428033e-12),
	('large', 'two', 'z', -5.1176631571915925, 3.0934443063984934e-07),
	('large', 'cat', 'psi', 2.667618854270934, NULL),
	('large', 'cat', 'jensenshannon', 0.3738543777222209, NULL),
	('large', 'cat', 'chisquare', 1479.8383999999999, 0.0);
SELECT cmp_ok(greatest(pg_temp.far(d.statistic, e.statistic), CASE WHEN e.p IS NULL THEN 0 WHEN e.p = 0 THEN d.p_value ELSE pg_temp.far(d.p_value, e.p) END), '<', 1e-10::float8,
			  format('%s, %s, %s', e.size, e."column", e.method))
FROM expected e JOIN pairs USING (size),
	 LATERAL lead_drift(reference, current, jsonb_build_object('columns', jsonb_build_object(e."column", jsonb_build_object('method', e.method)))) d
WHERE d."column" = e."column";

-- p-values of distances, and what chance alone gives
SELECT ok(pg_temp.far(d.chance_threshold, 0.008118364975245325) < 0.003 AND d.p_value = 0, 'psi that chance exceeds: of many rows in a cell near chi2.ppf(.95, 5) * (1/n + 1/m)')
FROM pairs, lead_drift(reference, current, '{"method": "psi"}') d WHERE size = 'large' AND "column" = 'cat';
SELECT cmp_ok(pg_temp.far(d.chance_threshold, 0.03185585694822328), '<', 0.001::float8, 'distance that chance exceeds: near the root of an eighth of it')
FROM pairs, lead_drift(reference, current) d WHERE size = 'large' AND "column" = 'cat';
-- what really is exceeded once in twenty, also where most cells are sparse: 500, and
-- 5,000, leads of 25,000 against the others, drawn by a hash
CREATE TEMP TABLE chances AS
WITH leads AS (
	SELECT i, h % 2 AS two, (h % 10)::text AS ten, floor(78 * u * u)::text AS levels_78, floor(500 * u * u * u)::text AS levels_500
	FROM generate_series(1, 25000) AS i, LATERAL (SELECT ('x' || md5('v' || i))::bit(28)::int AS h) AS b, LATERAL (SELECT h / 268435456.0 AS u) AS c),
parts AS (
	SELECT parts, draw, ('x' || md5(draw || ' ' || i))::bit(28)::int % parts AS part, lead_profile(r) AS p
	FROM (VALUES (50, 1), (50, 2), (5, 3), (5, 4), (5, 5), (5, 6), (5, 7), (5, 8), (5, 9), (5, 10)) AS d(parts, draw), leads, LATERAL (SELECT two, ten, levels_78, levels_500) AS r
	GROUP BY 1, 2, 3)
SELECT a.parts, m.method, d."column", d.statistic > d.chance_threshold AS exceeded
FROM parts AS a, unnest('{psi,jensenshannon}'::text[]) AS m(method),
	LATERAL (SELECT lead_profile(b.p) AS p FROM parts AS b WHERE b.draw = a.draw AND b.part <> a.part) AS others,
	LATERAL lead_drift(others.p, a.p, jsonb_build_object('method', m.method)) AS d;
SELECT ok(abs(count(*) FILTER (WHERE exceeded) - 0.05 * count(*)) <= 3 * sqrt(0.0475 * count(*)), format('%s of one in %s parts, %s: chance exceeds it %s in %s times', method, parts, "column", count(*) FILTER (WHERE exceeded), count(*)))
FROM chances GROUP BY parts, method, "column" ORDER BY parts, method, "column";
-- more than 10,000 rows on a side: ks_2samp takes kstwo of n * m / (n + m) rows
SELECT cmp_ok(greatest(pg_temp.far(d.statistic, e.statistic), pg_temp.far(d.p_value, e.p)), '<', 1e-10::float8,
			  format('ks of %s and %s rows, times %s', e.n, e.m, e.scale))
FROM (VALUES
	(20000, 15000, 1.02::float8, 0.011183333333333323::float8, 0.23228634242687296::float8),
	(20000, 15000, 1.005, 0.007499999999999951, 0.7176542057709852),
	(30000, 12000, 1.0, 0.010000000000000009, 0.35577624429321664),
	(20000, 30, 1.1, 0.10588333333333333, 0.8548725194776302),
	(20000, 30, 1.6, 0.38255000000000006, 0.00018541628625715013),
	(15000, 300, 1.05, 0.04600000000000004, 0.5470041912328276),
	(12000, 900, 1.15, 0.12444444444444447, 9.332710344167014e-12),
	(11000, 10999, 1.0, 0.010000000000000009, 0.6375215980384253)) e(n, m, scale, statistic, p),
	LATERAL lead_drift((SELECT lead_profile(r) FROM (SELECT (i * 37 % 401)::float8 AS x FROM generate_series(1, n) i) r),
					   (SELECT lead_profile(r) FROM (SELECT i * 41 % 397 * scale AS x FROM generate_series(1, m) i) r), '{"method": "ks"}') d;

-- Evidently's defaults
SELECT results_eq(
	$$SELECT size, "column", method, threshold FROM pairs, lead_drift(reference, current) ORDER BY size DESC, "column"$$,
	$$VALUES ('small', 'cat', 'chisquare', 0.05::float8), ('small', 'few', 'chisquare', 0.05), ('small', 'num', 'ks', 0.05), ('small', 'two', 'z', 0.05),
			 ('large', 'cat', 'jensenshannon', 0.1), ('large', 'few', 'jensenshannon', 0.1), ('large', 'num', 'wasserstein', 0.1), ('large', 'two', 'jensenshannon', 0.1)$$,
	'the method by type, values and rows');
SELECT results_eq(
	$$SELECT "column", drifted, beyond_chance FROM pairs, lead_drift(reference, current) WHERE size = 'large' ORDER BY "column"$$,
	$$VALUES ('cat', true, true), ('few', true, true), ('num', true, true), ('two', false, true)$$,
	'the row says which of the two thresholds is crossed');
-- Benjamini and Hochberg: the least of p * m / rank over the ranks from its own on;
-- p of a chisquare is that of the distance of its counts
WITH p AS (
	SELECT d."column", d.p_adjusted, CASE d.method WHEN 'chisquare' THEN j.p_value ELSE d.p_value END AS p
	FROM pairs, lead_drift(reference, current) d JOIN lead_drift(reference, current, '{"method": "jensenshannon"}') j USING ("column")
	WHERE size = 'small')
SELECT ok(bool_and(pg_temp.far(p_adjusted, least(1, (SELECT min(o.p * 4 / o.rank) FROM (SELECT p, rank() OVER (ORDER BY p) FROM p) o WHERE o.p >= p.p))) < 1e-12), 'p adjusted')
FROM p;
-- chance moves both sides: what Evidently's chisquare takes for drift need not be
SELECT ok(d.drifted AND NOT d.beyond_chance AND pg_temp.far(d.p_value, 0.013995792487650894) < 1e-10 AND pg_temp.far(d.p_adjusted, 0.17335266278737269) < 1e-10, 'chisquare and chance')
FROM lead_drift((SELECT lead_profile(r) FROM (SELECT i % 5 AS x FROM generate_series(1, 500) i) r),
				(SELECT lead_profile(r) FROM (SELECT CASE WHEN i % 20 = 0 THEN 2 ELSE i % 5 END AS x FROM generate_series(1, 500) i) r)) d;
SELECT ok(bool_and(statistic < 1e-12 AND NOT drifted AND NOT beyond_chance), 'a profile has not drifted from itself') FROM pairs, lead_drift(reference, reference);

-- columns that came, went or are empty; new levels, the range
SELECT results_eq(
	$$SELECT "column", missing_before, missing_now, new_levels, vanished_levels, out_of_range, note FROM lead_drift(
		(SELECT lead_profile(a) FROM (VALUES ('x', 1, 1, now()), ('y', 5, 2, now()), ('y', 9, 3, now())) a(t, n, gone, at)),
		(SELECT lead_profile(b) FROM (VALUES ('x', 0, 'new', now()), (NULL, 10, 'new', now()), ('z', 5, NULL, now()), ('w', 7, NULL, now())) b(t, n, came, at)))$$,
	$$VALUES ('t', 0::float8, 0.25::float8, 2::bigint, 1::bigint, NULL::float8, NULL), ('n', 0, 0, NULL, NULL, 0.5, NULL),
			 ('gone', 0, NULL, NULL, NULL, NULL, 'not there any more'), ('at', 0, 0, NULL, NULL, 0, 'a time'),
			 ('came', NULL, 0.5, NULL, NULL, NULL, 'not in the reference')$$,
	'columns, levels and ranges that are new or gone');
SELECT throws_ok($$SELECT lead_drift(p, p, '{"method": "tea"}') FROM sides$$, '22023', 'invalid value for option "method"', 'unknown method');
SELECT throws_ok($$SELECT lead_drift(p, p, '{"treshold": 1}') FROM sides$$, '22023', 'unknown option "treshold"', 'unknown option');
SELECT throws_ok($$SELECT lead_drift(p, p, '{"columns": {"num": {"alpha": 0.1}}}') FROM sides$$, '22023', 'unknown option "columns.num.alpha"', 'unknown option of a column');
SELECT throws_ok($$SELECT lead_drift(p, p, '{"columns": {"nun": {}}}') FROM sides$$, '42703', 'option "columns" names "nun", which neither profile has', 'unknown column');
SELECT throws_ok($$SELECT lead_drift(p, p, '{"method": "ks"}') FROM sides$$, '22023', 'method "ks" does not fit column "cat"', 'a method that needs numbers');

-- impact: what the columns add up to is the change of the mean log-odds
CREATE TEMP TABLE leads AS
SELECT i, (i * 7919 % 1009) / 100.0 AS x, CASE WHEN i % 7 = 0 THEN NULL ELSE i % 11 END AS n, 'L' || i * i % 5 AS c,
	   ((i * 7919 % 1009) / 100.0 + i * i % 5 + i * 31 % 17 > 15) AS won
FROM generate_series(1, 6000) i;
CREATE TEMP TABLE m AS SELECT lead_train(won, r) AS model FROM leads, LATERAL (SELECT x, n, c) r;
CREATE TEMP TABLE halves AS
SELECT lead_profile(model, l) FILTER (WHERE x < 4) AS low, lead_profile(model, l) FILTER (WHERE x >= 4) AS high,
	   avg(ln(s / (1 - s))) FILTER (WHERE x < 4) AS low_odds, avg(ln(s / (1 - s))) FILTER (WHERE x >= 4) AS high_odds,
	   avg(s * (1 - s)) FILTER (WHERE x < 4) AS slope, avg(x) FILTER (WHERE x < 4) AS low_x, avg(x) FILTER (WHERE x >= 4) AS high_x, avg(x) AS mean_x
FROM leads l, m, LATERAL lead_score(model, l) s;
SELECT cmp_ok(abs(s.impact_log_odds - (high_odds - low_odds)), '<', 1e-10::float8, 'impacts add up to the change of the mean log-odds') FROM halves, lead_drift_summary(low, high) s;
SELECT cmp_ok(abs(d.impact_log_odds - c.estimate * (high_x - low_x)), '<', 1e-10::float8, 'impact of a number: coefficient times the change of its mean')
FROM halves, m, lead_drift(low, high) d, lead_coefficients(model) c WHERE d."column" = 'x' AND c.name = 'x';
SELECT cmp_ok(abs(d.impact_log_odds - c.estimate * (high_x - mean_x)), '<', 1e-9::float8, 'against the training')
FROM halves, m, lead_drift(lead_profile(model), high) d, lead_coefficients(model) c WHERE d."column" = 'x' AND c.name = 'x';
SELECT cmp_ok(abs(d.impact_points - 100 * slope * d.impact_log_odds), '<', abs(d.impact_points) * 0.005, 'in percentage points, but for the grid')
FROM halves, lead_drift(low, high) d WHERE d."column" = 'x';
SELECT is(s.columns_that_matter[1], 'x', 'the column that matters') FROM halves, lead_drift_summary(low, high) s;
SELECT ok(d.p_value < 1e-10 AND d.beyond_chance AND d.method = 'wasserstein', 'of which chance is asked as of any number')
FROM halves, lead_drift(low, high) d WHERE d."column" = '(score)';
SELECT ok(s.score_drifted, 'the scores have drifted') FROM halves, lead_drift_summary(low, high) s;

-- the model handed over: profiles made without it give the same, where no value was
-- rounded; the reference may be what the model was trained on
CREATE TEMP TABLE plain AS
SELECT lead_profile(r) FILTER (WHERE r.x < 4) AS low, lead_profile(r) FILTER (WHERE r.x >= 4) AS high, lead_profile(lead_frame(won, r)) AS frame
FROM leads, LATERAL (SELECT x, n, c) r;
SELECT ok(bool_and(abs(d.impact_log_odds - e.impact_log_odds) < 1e-12 AND d.impact_exact = e.impact_exact AND d.impact_against = 'reference') AND count(*) = 3, 'impact from counts')
FROM halves h, plain p, m, LATERAL lead_drift(h.low, h.high) e, LATERAL lead_drift(p.low, p.high, model => model) d WHERE d."column" = e."column";
SELECT ok(bool_and(abs(d.impact_log_odds - e.impact_log_odds) < 1e-12 AND abs(d.impact_points - e.impact_points) < 1e-9), 'one side from counts')
FROM halves h, plain p, m, LATERAL lead_drift(h.low, h.high) e, LATERAL lead_drift(h.low, p.high, model => model) d WHERE d."column" = e."column" AND e.kind <> 'score';
SELECT ok(bool_and(abs(d.impact_log_odds - e.impact_log_odds) < 1e-12 AND d.impact_against = 'reference' AND e.impact_against = 'training') AND count(*) = 3, 'against the training, from counts')
FROM halves h, plain p, m, LATERAL lead_drift(lead_profile(model), h.high) e, LATERAL lead_drift(lead_profile(model), p.high, model => model) d WHERE d."column" = e."column" AND e.kind <> 'score';
SELECT ok(bool_and(abs(impact_log_odds) < 1e-12 AND impact_exact) AND count(*) = 2, 'a frame of the training rows') FROM plain, m, lead_drift(lead_profile(model), frame, model => model) WHERE "column" <> 'x';
SELECT is((sum(impact_log_odds), count(impact_exact))::text, '(,0)', 'no impact without a model') FROM plain, lead_drift(low, high);
SELECT is(model_is, '(t,f)', 'the impact of another model is not that of this one')
FROM halves h, (SELECT lead_train(won, r) AS other FROM leads, LATERAL (SELECT x, c) r) o,
	 LATERAL (SELECT (abs(d.impact_log_odds - c.estimate * (high_x - low_x)) < 1e-10, count(n.impact_exact) > 0)::text AS model_is
			  FROM lead_drift(low, high, model => other) d, lead_coefficients(other) c, lead_drift(low, high, model => other) n
			  WHERE d."column" = 'x' AND c.name = 'x' AND n."column" = 'n' GROUP BY d.impact_log_odds, c.estimate) x;
-- rounded numbers: near, and said; levels that were hashed, hours of a day: not known
CREATE TEMP TABLE wide AS
SELECT i, sqrt(i) * 7 AS amount, i % 3 = 0 AS known, timestamp '2025-01-01' + i * interval '7 hours' AS at, i % 9000 AS key, i * 31 % 17 + i % 3 * 4 > 9 AS won FROM generate_series(1, 20000) i;
CREATE TEMP TABLE wm AS SELECT lead_train(won, r, '{"columns": {"at": {"parts": ["hour"]}}}') AS model FROM wide, LATERAL (SELECT amount, known, at) r;
SELECT results_eq($$SELECT d."column", d.impact_exact, abs(d.impact_log_odds / e.impact_log_odds - 1) < 0.02 FROM wm,
	LATERAL (SELECT lead_profile(model, w) FILTER (WHERE w.i < 9999) AS a, lead_profile(model, w) FILTER (WHERE w.i >= 9999) AS b,
					lead_profile(w) FILTER (WHERE w.i < 9999) AS pa, lead_profile(w) FILTER (WHERE w.i >= 9999) AS pb FROM wide w) p,
	LATERAL lead_drift(a, b) e, LATERAL lead_drift(pa, pb, model => model) d WHERE d."column" = e."column" AND d."column" IN ('amount', 'known', 'at')$$,
	$$VALUES ('amount', false, true), ('known', true, true), ('at', false, NULL)$$, 'what was rounded, and what is not known');
SELECT ok(NOT s.impact_exact, 'and the sum says so') FROM wm, (SELECT lead_profile(w) AS p FROM wide w) p, lead_drift_summary(p, p, model => model) s;

-- keys and times always move on; asked for, they are compared
SELECT results_eq($$SELECT "column", method, note FROM lead_drift(
		(SELECT lead_profile(r) FROM (SELECT i, 'k' || i AS k, i % 100 AS n, i / 1.0 AS amount FROM generate_series(1, 5000) i) r),
		(SELECT lead_profile(r) FROM (SELECT i, 'k' || i AS k, i % 100 AS n, i / 1.0 AS amount FROM generate_series(5001, 9000) i) r), '{"columns": {"k": {"method": "psi"}}}')$$,
	$$VALUES ('i', NULL, 'an identifier'), ('k', 'psi', NULL), ('n', 'wasserstein', NULL), ('amount', 'wasserstein', NULL)$$, 'identifiers');
-- whatever the unit
SELECT ok(bool_and(pg_temp.far(d.statistic, e.statistic) < 1e-12 AND d.p_value IS NOT DISTINCT FROM e.p_value), 'numbers near the end of the range')
FROM unnest('{psi,jensenshannon,wasserstein,ks}'::text[]) way,
	 LATERAL (SELECT lead_profile(r) FILTER (WHERE i <= 1000) AS a, lead_profile(r) FILTER (WHERE i > 1000) AS b, lead_profile(l) FILTER (WHERE i <= 1000) AS la, lead_profile(l) FILTER (WHERE i > 1000) AS lb
			  FROM generate_series(1, 2000) i, LATERAL (SELECT (i * 37 % 401 - 200 + i / 1001 * 20)::float8 AS x) r, LATERAL (SELECT x * 2 ^ 1014 AS x) l) p,
	 LATERAL lead_drift(la, lb, jsonb_build_object('method', way)) d, LATERAL lead_drift(a, b, jsonb_build_object('method', way)) e;

-- real data
\set here `test -r ../shared/data/codepro/model_input.csv.gz && echo true || echo false`
\if :here
CREATE TEMP TABLE counts (level text, count int, cumulative_share float8, significant int);
\copy counts FROM '../shared/data/codepro/training_file_first_platform_c_counts.csv' CSV HEADER
CREATE TEMP TABLE codepro (line text);
\copy codepro FROM PROGRAM 'zcat ../shared/data/codepro/leadscoring.csv.gz | cut -d, -f4 | tail -n +2'
SELECT is(round(d.statistic::numeric, 5), 0.99445, 'CodePro: the level codes of the training file are others, PSI')
FROM lead_drift((SELECT lead_profile(r) FROM (SELECT level AS first_platform_c FROM counts, generate_series(1, count)) r),
				(SELECT lead_profile(r) FROM (SELECT line AS first_platform_c FROM codepro) r), '{"method": "psi"}') d;
SELECT ok(d.drifted AND d.beyond_chance AND d.method = 'jensenshannon', 'CodePro: drift by default, too')
FROM lead_drift((SELECT lead_profile(r) FROM (SELECT level AS first_platform_c FROM counts, generate_series(1, count)) r),
				(SELECT lead_profile(r) FROM (SELECT line AS first_platform_c FROM codepro) r)) d;
CREATE TEMP TABLE campaign (campaign_id text, goal int, raised float8, days int, backers int, category text, month text, country text, currency text, experience int, video text, social int, updates int, won int);
\copy campaign FROM PROGRAM 'zcat ../shared/data/campaign/campaign_data.csv.gz' CSV HEADER
CREATE TEMP TABLE campaign_halves AS
SELECT lead_profile(r) FILTER (WHERE campaign_id < 'CID_50000') AS a, lead_profile(r) FILTER (WHERE campaign_id >= 'CID_50000') AS b
FROM campaign, LATERAL (SELECT goal, raised, days, backers, category, month, country, currency, experience, video, social, updates, won) r;
SELECT is((s.drifted, s.drifted_columns, s.beyond_chance)::text, '(f,0,0)', 'campaign: its halves have not drifted') FROM campaign_halves, lead_drift_summary(a, b) s;
CREATE TEMP TABLE olist (mql_id text, contact date, page text, origin text);
\copy olist FROM PROGRAM 'zcat ../shared/data/olist_funnel/marketing_qualified_leads.csv.gz' CSV HEADER
SELECT is((s.drifted, s.drifted_columns, s.beyond_chance, s.not_measured, s.columns_that_matter)::text, '(t,1,2,2,{page})', 'Olist: 2018 has drifted from 2017: the landing pages; the origins beyond chance, too')
FROM lead_drift_summary((SELECT lead_profile(o) FROM olist o WHERE contact < '2018-01-01'), (SELECT lead_profile(o) FROM olist o WHERE contact >= '2018-01-01')) s;
\else
SELECT skip('../shared/data is not here', 4);
\endif
SELECT * FROM finish();
ROLLBACK;
