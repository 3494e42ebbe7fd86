-- What cross-validation must be: what a loop by hand over the same folds gives,
-- whatever the order of rows; on real leads what other tools reach out of fold.
BEGIN;
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
\set here `test -r ../shared/data/codepro/model_input.csv.gz && test -r ../shared/data/campaign/campaign_data.csv.gz && echo true || echo false`
SELECT plan(CASE WHEN :here THEN 24 ELSE 16 END);

---------------------------------------------------------------------------
-- Folds by time: the split is known, so the same can be done by hand
---------------------------------------------------------------------------
CREATE TABLE visits AS
SELECT i AS id, timestamp '2025-01-01' + i / 3 * interval '1 hour' AS seen,
	'g' || floor(log(2, 1 + (i * 104729 % 1020) / 4.0))::int AS shop, 'c' || i * 7919 % 13 * (1 + i / 400) AS city,
	i * 31 % 17 AS clicks, (i * 15485863 % 1009) % 17 < i * 31 % 17 AS won
FROM generate_series(1, 1200::bigint) i;
CREATE TABLE timed AS
SELECT *, floor((rank() OVER (ORDER BY seen) - 1) * 5 / 1200)::int AS block FROM visits;
CREATE FUNCTION pg_temp.by_hand_in_time(options jsonb)
RETURNS TABLE (fold int, n bigint, auc float8, log_loss float8) LANGUAGE sql AS $$
	SELECT k, (q).n, (q).auc, (q).log_loss
	FROM generate_series(0, 3) k, LATERAL (
		SELECT lead_evaluate_frame(
			lead_fit(lead_frame(won, t, '{"exclude": ["id", "block"], "time": "seen"}') FILTER (WHERE block <= k), options),
			lead_frame(won, t, '{"exclude": ["id", "block"], "time": "seen"}') FILTER (WHERE block = k + 1)) AS q
		FROM timed t) e
$$;
CREATE TEMP TABLE visit_frame AS
SELECT lead_frame(won, v, '{"exclude": ["id"], "time": "seen"}') AS timed, lead_frame(won, v, '{"exclude": ["id", "seen"]}') AS plain
FROM visits v;
SELECT results_eq(
	format($$SELECT c.fold, c.n, c.auc, c.log_loss FROM visit_frame, lead_cv(timed, %L, folds => 4, folds_by => 'time') c WHERE fold IS NOT NULL$$, o),
	format('SELECT * FROM pg_temp.by_hand_in_time(%L)', o), 'by time as by hand: ' || o)
FROM unnest(ARRAY['{}', '{"lambda": 1, "min_count": 5}', '{"columns": {"clicks": {"bins": 5}}}',
	'{"family": "boost", "trees": 20}', '{"family": "forest", "trees": 20}']) o;

---------------------------------------------------------------------------
-- Folds by group: sizes are powers of two times four, so that the rows of a fold
-- tell its groups
---------------------------------------------------------------------------
CREATE TABLE shops AS
SELECT g AS shop, i % 11 AS clicks, (i * 15485863::bigint + g * 104729) % 1009 % 11 < i % 11 AS won
FROM generate_series(0, 7) g, generate_series(1, (4 * 2 ^ g)::int) i;
CREATE TEMP TABLE shop_frame AS SELECT lead_frame(won, s, '{"group": "shop"}') AS f FROM shops s;
CREATE TEMP TABLE shop_folds AS SELECT c.* FROM shop_frame, lead_cv(f, folds => 3) c WHERE fold IS NOT NULL;
SELECT is(bit_or(n), sum(n)::bigint, 'no group is in two folds') FROM shop_folds;
SELECT results_eq('SELECT fold, auc, log_loss FROM shop_folds',
	$$SELECT fold, (q).auc, (q).log_loss FROM (
		SELECT fold, lead_evaluate_frame(
			lead_fit(lead_frame(won, s, '{"group": "shop"}') FILTER (WHERE f.n / 4 & (1 << shop) = 0)),
			lead_frame(won, s, '{"group": "shop"}') FILTER (WHERE f.n / 4 & (1 << shop) > 0)) AS q
		FROM shop_folds f, shops s GROUP BY fold) e ORDER BY fold$$,
	'by group as by hand');

---------------------------------------------------------------------------
-- Folds by hash: equal rows are divided, each for itself
---------------------------------------------------------------------------
CREATE TABLE many AS
SELECT 'l' || g AS level, i % (3 + g) = 0 AS won FROM generate_series(0, 3) g, generate_series(1, (400 * 3 ^ g)::int) i;
CREATE TEMP TABLE many_scores AS
SELECT s.*, 'l' || rank() OVER (PARTITION BY fold ORDER BY positives + negatives) - 1 AS level
FROM (SELECT lead_frame(won, r) AS f FROM many m, LATERAL (SELECT level) r) t,
	lead_cv_scores(f, '{"min_count": 1}') s;
SELECT results_eq('SELECT level, sum(positives)::bigint, sum(negatives)::bigint FROM many_scores GROUP BY 1 ORDER BY 1',
	'SELECT level, count(*) FILTER (WHERE won), count(*) FILTER (WHERE NOT won) FROM many GROUP BY 1 ORDER BY 1',
	'every one of equal rows is in one fold');
SELECT cmp_ok(max(abs(s.positives + s.negatives - m.n / 5) / sqrt(m.n * 0.16)), '<', 4::float8, 'a fold has its share of equal rows')
FROM many_scores s JOIN (SELECT level, count(*)::float8 AS n FROM many GROUP BY 1) m USING (level);
SELECT cmp_ok(max(abs(s.score - (m.pos - s.positives)::float8 / (m.n - s.positives - s.negatives))), '<', 1e-9::float8,
	'and is scored by the rate of the others')
FROM many_scores s JOIN (SELECT level, count(*) AS n, count(*) FILTER (WHERE won) AS pos FROM many GROUP BY 1) m USING (level);

---------------------------------------------------------------------------
-- The order of rows does not matter, the seed does; nothing is lost
---------------------------------------------------------------------------
SELECT results_eq($$SELECT c::text FROM visit_frame, lead_cv(plain, '{"family": "boost", "trees": 10}') c$$,
	$$SELECT c::text FROM (SELECT lead_frame(won, v, '{"exclude": ["id", "seen"]}') AS f FROM (SELECT * FROM visits ORDER BY md5(id::text)) v) t,
		lead_cv(f, '{"family": "boost", "trees": 10}') c$$, 'shuffled rows, the same result');
SELECT isnt((SELECT c.auc FROM visit_frame, lead_cv(plain) c WHERE fold IS NULL),
	(SELECT c.auc FROM visit_frame, lead_cv(plain, seed => 1) c WHERE fold IS NULL), 'another seed, other folds');
SELECT is(sum(n) FILTER (WHERE fold IS NULL), sum(n) FILTER (WHERE fold IS NOT NULL), 'the folds are all rows together')
FROM visit_frame, lead_cv(plain) c;
SELECT is(bool_and(n + trained = 1200), true, 'what is not held out trains') FROM visit_frame, lead_cv(plain) c WHERE fold IS NOT NULL;
SELECT is((SELECT c.auc FROM visit_frame, lead_cv(plain) c WHERE fold IS NULL),
	(SELECT (lead_evaluate(score, won)).auc FROM visit_frame, lead_cv_scores(plain) s,
		LATERAL (SELECT true AS won FROM generate_series(1, positives) UNION ALL SELECT false FROM generate_series(1, negatives)) r),
	'the pooled row is the quality of the scores');
SELECT is((SELECT c.skipped FROM (SELECT lead_frame(i = 1, r) AS f FROM generate_series(1, 40) i, LATERAL (SELECT i % 3 AS x) r) t,
	lead_cv(f, '{"untrainable": "null"}') c WHERE fold IS NULL) > 0, true, 'rows without a model are counted');

\if :here
---------------------------------------------------------------------------
-- Real leads
---------------------------------------------------------------------------
CREATE TABLE codepro_input (lead_id int, created_date timestamp, city_tier int,
	first_platform_c text, first_utm_medium_c text, first_utm_source_c text,
	total_leads_droppped int, referred_lead int, assistance_interaction int,
	career_interaction int, payment_interaction int, social_interaction int,
	syllabus_interaction int, app_complete_flag int, split text);
\copy codepro_input FROM PROGRAM 'zcat ../shared/data/codepro/model_input.csv.gz' CSV HEADER
CREATE TEMP TABLE six AS
SELECT lead_frame(app_complete_flag, r) AS f
FROM codepro_input, LATERAL (SELECT total_leads_droppped, referred_lead, city_tier, first_platform_c, first_utm_medium_c,
	first_utm_source_c) r;
CREATE TEMP TABLE quality AS
SELECT o ->> 'family' AS family, c.* FROM six, unnest(ARRAY['{"family": "logistic"}', '{"family": "boost"}', '{"family": "forest"}']::jsonb[]) o,
	lead_cv(f, o) c WHERE fold IS NULL;
SELECT cmp_ok(abs(auc - 0.7856), '<', 0.002::float8, 'the line has 0.7856 on the six columns') FROM quality WHERE family = 'logistic';
SELECT cmp_ok(auc, '>=', 0.818::float8, 'boosted trees reach 0.818') FROM quality WHERE family = 'boost';
SELECT cmp_ok(auc, '>=', 0.815::float8, 'a forest reaches 0.815') FROM quality WHERE family = 'forest';
SELECT is(count(*), 3::bigint, 'all leads were judged') FROM quality WHERE n = 24991 AND positives = 12499;
SELECT diag(format('%-8s out of fold: AUC %s, log loss %s', family, round(auc::numeric, 4), round(log_loss::numeric, 4))) FROM quality;

CREATE TABLE campaign (id text, goal int, raised numeric, duration int, backers int,
	category text, month text, country text, currency text, experience int, video text,
	social int, updates int, label int);
\copy campaign FROM PROGRAM 'zcat ../shared/data/campaign/campaign_data.csv.gz' CSV HEADER
CREATE TEMP TABLE blind AS SELECT lead_frame(label, c, '{"exclude": ["id", "raised", "label"]}') AS f FROM campaign c;
SELECT cmp_ok(abs(c.auc - 0.5), '<=', 0.01::float8, 'campaigns without a signal: ' || (o ->> 'family') || ' finds none')
FROM blind, unnest(ARRAY['{"family": "logistic"}', '{"family": "boost", "trees": 40}', '{"family": "forest", "trees": 20}']::jsonb[]) o, lead_cv(f, o) c WHERE fold IS NULL;
SELECT cmp_ok(c.auc, '>=', 0.99::float8, 'goal and raised: boosted trees find the diagonal')
FROM (SELECT lead_frame(label, r) AS f FROM campaign, LATERAL (SELECT goal, raised) r) t,
	lead_cv(f, '{"family": "boost", "trees": 60, "rate": 0.3}') c WHERE fold IS NULL;
\endif
SELECT * FROM finish();
ROLLBACK;
