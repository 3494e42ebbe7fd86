-- The ladder, and models recalibrated.
--
-- References: R 4.2, glm() with epsilon 1e-15 for the recalibrations and the full refit
-- (1e-16 and up to 60 steps where the classes are separated), log-likelihoods summed with
-- plogis(log.p = TRUE), pchisq(lower.tail = FALSE).  The champion there is R's own fit.
SET client_min_messages = error;
BEGIN;
CREATE EXTENSION IF NOT EXISTS pgtap;
\set olist `test -r ../shared/data/olist_funnel/closed_deals.csv.gz && echo true || echo false`
\set codepro `test -r ../shared/data/codepro/model_input.csv.gz && echo true || echo false`
SELECT plan(35);

-- Relative to the reference; where that is 0, absolute.
CREATE FUNCTION pg_temp.far(ours float8, theirs float8) RETURNS float8 IMMUTABLE LANGUAGE sql AS $$
	SELECT abs(ours - theirs) / CASE WHEN theirs = 0 THEN 1 ELSE abs(theirs) END
$$;
CREATE TEMP TABLE expected (what text, n bigint, positives bigint, keep float8, intercept float8, slope float8, "full" float8,
	df int, p_keep float8, p_intercept float8, p_slope float8, step text, a float8, a2 float8, b2 float8, separated boolean);
INSERT INTO expected VALUES
	('olist', 5998, 781, -2880.8265534716138, -2318.2416418390853, -2294.4997548800138, -2250.4076401005022, 7,
	 4.9177272373741061e-268, 8.2174117889070797e-27, 1.6167098343047294e-17, 'full', 1.5629961160414261, -0.22680488836762269, 0.47462529508623369, false),
	('olist 2018', 3829, 480, -1413.8313221890567, -1411.5306496369269, -1409.6592486143525, -1403.5609723482537, 7,
	 0.0045128763538481356, 0.0140832041011576554, 0.0321915869956238068, 'full', -0.10477113972058925, -0.45213083157798678, 0.80231112548523131, false),
	('codepro', 4999, 2500, -2741.8863640316372, -2741.6083598612140, -2739.7708698737829, -2716.3209833429664, 25,
	 0.0015422197360452348, 0.0011958344488654132, 0.0023077724452184290, 'full', 0.024057309321924673, 0.015625891322784878, 1.0741542931113015, true);

-- Ours against a reference: what, model, frame.
CREATE FUNCTION pg_temp.agrees(what text, model bytea, frame leadframe) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT unnest(ARRAY[
		is(ROW(l.n, l.positives, l.df_full, l.step, l.separated)::text, ROW(e.n, e.positives, e.df, e.step, e.separated)::text,
			what || ': rows, coefficients that can be told, step'),
		cmp_ok(greatest(pg_temp.far(l.log_likelihood_keep, e.keep), pg_temp.far(l.log_likelihood_intercept, e.intercept),
			pg_temp.far(l.log_likelihood_slope, e.slope), pg_temp.far(l.log_likelihood_full, e."full")), '<', 1e-10::float8,
			what || ': log-likelihoods'),
		cmp_ok(greatest(pg_temp.far(l.p_keep, e.p_keep), pg_temp.far(l.p_intercept, e.p_intercept), pg_temp.far(l.p_slope, e.p_slope)),
			'<', 1e-7::float8, what || ': p-values'),
		cmp_ok(greatest(pg_temp.far((i->>'intercept')::float8, e.a), pg_temp.far((s->>'intercept')::float8, e.a2),
			pg_temp.far((s->>'slope')::float8, e.b2)), '<', 1e-7::float8, what || ': intercept, and intercept and slope')])
	FROM expected AS e, lead_ladder(model, frame) AS l,
		LATERAL (SELECT lead_info(lead_recalibrate(model, frame, 'intercept')) #> '{recalibrations,0}' AS i,
			lead_info(lead_recalibrate(model, frame, 'slope')) #> '{recalibrations,0}' AS s) AS r
	WHERE e.what = $1
$$;

\if :olist
CREATE TEMP TABLE mql (mql_id text PRIMARY KEY, first_contact_date date, landing_page_id text, origin text);
CREATE TEMP TABLE deals (mql_id text PRIMARY KEY, seller_id text, sdr_id text, sr_id text, won_date timestamp,
	business_segment text, lead_type text, lead_behaviour_profile text, has_company text, has_gtin text,
	average_stock text, business_type text, declared_product_catalog_size float8, declared_monthly_revenue float8);
\copy mql FROM PROGRAM 'zcat ../shared/data/olist_funnel/marketing_qualified_leads.csv.gz' CSV HEADER
\copy deals FROM PROGRAM 'zcat ../shared/data/olist_funnel/closed_deals.csv.gz' CSV HEADER
-- five rare origins are one, for some of them won nothing in 2017
CREATE TEMP TABLE olist AS SELECT d.mql_id IS NOT NULL AS won, first_contact_date AS at,
	CASE WHEN origin IN ('display', 'email', 'other', 'other_publicities', 'other publicities', 'referral') THEN 'rest' ELSE origin END AS origin
FROM mql LEFT JOIN deals AS d USING (mql_id);
SELECT pg_temp.agrees('olist', (SELECT lead_train(won, r, '{"min_count": 1}') FROM olist, LATERAL (SELECT origin) r WHERE at < '2018-01-01'),
	(SELECT lead_frame(won, r) FROM olist, LATERAL (SELECT origin) r WHERE at >= '2018-01-01'));
SELECT pg_temp.agrees('olist 2018', (SELECT lead_train(won, r, '{"min_count": 1}') FROM olist, LATERAL (SELECT origin) r WHERE at >= '2018-01-01' AND at < '2018-03-01'),
	(SELECT lead_frame(won, r) FROM olist, LATERAL (SELECT origin) r WHERE at >= '2018-03-01'));
\else
SELECT skip('../shared/data/olist_funnel is not here', 8);
\endif

\if :codepro
CREATE TABLE codepro_input (lead_id int, created_date timestamp, city_tier int, first_platform_c text, first_utm_medium_c text,
	first_utm_source_c text, total_leads_droppped int, referred_lead int, assistance_interaction int, career_interaction int,
	payment_interaction int, social_interaction int, syllabus_interaction int, app_complete_flag int, split text);
\copy codepro_input FROM PROGRAM 'zcat ../shared/data/codepro/model_input.csv.gz' CSV HEADER
-- the full refit of the test split is separated by a level
SELECT pg_temp.agrees('codepro', (SELECT lead_train(app_complete_flag, r, '{"reference": "first", "min_count": 1, "columns": {"city_tier": {"as": "categorical"}}}')
		FROM codepro_input, LATERAL (SELECT total_leads_droppped, referred_lead, city_tier, first_platform_c, first_utm_source_c) r WHERE split = 'train'),
	(SELECT lead_frame(app_complete_flag, r)
		FROM codepro_input, LATERAL (SELECT first_utm_source_c, total_leads_droppped, city_tier, first_platform_c, referred_lead) r WHERE split = 'test'));
\else
SELECT skip('../shared/data/codepro is not here', 4);
\endif

----------------------------------------------------------------------------
-- Made-up leads: 3,000 to train on, 3,000 later
----------------------------------------------------------------------------

-- chance by hash: the same on every version of the server
CREATE FUNCTION pg_temp.u(id int, draw int) RETURNS float8 IMMUTABLE LANGUAGE sql AS $$
	SELECT (hashint8extended(id, draw) & 9007199254740991) / 9007199254740992.0::float8
$$;
CREATE TEMP TABLE leads AS
SELECT i, CASE WHEN i % 11 = 0 THEN NULL ELSE round((pg_temp.u(i, 1) * 4 - 2)::numeric, 3)::float8 END AS x, floor(pg_temp.u(i, 2) * 4)::int AS z,
	CASE WHEN i > 5900 THEN 'new' ELSE (ARRAY['a', 'b', 'c', NULL])[1 + floor(pg_temp.u(i, 3) * 4)::int] END AS g,
	round((pg_temp.u(i, 4) - 0.5)::numeric, 2)::float8 AS o, 1 + floor(pg_temp.u(i, 5) * 3) AS w, i > 3000 AS u, pg_temp.u(i, 6) AS r
FROM generate_series(1, 6000) AS i;
-- later the log-odds are stretched
ALTER TABLE leads ADD lp float8, ADD won boolean;
UPDATE leads SET lp = (CASE WHEN u THEN 0.5 ELSE 1 END) * (-0.7 + coalesce(x, 0.3) - 0.4 * z + CASE g WHEN 'a' THEN 0.8 ELSE 0 END) + o;
UPDATE leads SET won = r < 1 / (1 + exp(-lp));
CREATE TEMP VIEW then_ AS SELECT won, x, z, g, o, w FROM leads WHERE NOT u;
CREATE TEMP VIEW now_ AS SELECT won, x, z, g, o, w FROM leads WHERE u;
CREATE TEMP TABLE m (fit text PRIMARY KEY, model bytea, frame leadframe);
INSERT INTO m
SELECT 'plain', lead_train(won, r), (SELECT lead_frame(won, r) FROM now_, LATERAL (SELECT x, z, g) r) FROM then_, LATERAL (SELECT x, z, g) r UNION ALL
SELECT 'ridge', lead_train(won, r, '{"lambda": 3}'), (SELECT lead_frame(won, r) FROM now_, LATERAL (SELECT x, z, g) r) FROM then_, LATERAL (SELECT x, z, g) r UNION ALL
SELECT 'class weights', lead_train(won, r, '{"class_weight": "balanced"}'), (SELECT lead_frame(won, r) FROM now_, LATERAL (SELECT x, z, g) r) FROM then_, LATERAL (SELECT x, z, g) r UNION ALL
SELECT 'offset', lead_train(won, r, '{"offset": "o"}'), (SELECT lead_frame(won, r, '{"offset": "o"}') FROM now_, LATERAL (SELECT x, z, g, o) r) FROM then_, LATERAL (SELECT x, z, g, o) r UNION ALL
SELECT 'separated', lead_train(won, r), (SELECT lead_frame(won, r) FROM now_, LATERAL (SELECT x, z, g, false AS s) r)
	FROM then_, LATERAL (SELECT x, z, g, won AND x > 1.5 AS s) r UNION ALL
SELECT 'weights', lead_train(won, r, '{"weight": "w"}'), (SELECT lead_frame(won, r, '{"weight": "w"}') FROM now_, LATERAL (SELECT x, z, g, w) r) FROM then_, LATERAL (SELECT x, z, g, w) r;
CREATE TEMP TABLE again AS SELECT fit, lead_recalibrate(model, frame, 'slope') AS stretched, lead_recalibrate(model, frame, 'intercept') AS moved FROM m;

-- log-odds a + b lp, the offset aside, for every lead and every kind of champion
CREATE FUNCTION pg_temp.off_by(old bytea, new bytea, plus_offset boolean) RETURNS float8 LANGUAGE sql AS $$
	SELECT max(abs(lead_log_odds(new, f) - CASE WHEN plus_offset THEN f.o ELSE 0 END
		- (c->>'intercept')::float8 - (c->>'slope')::float8 * (lead_log_odds(old, f) - CASE WHEN plus_offset THEN f.o ELSE 0 END)))
	FROM leads, LATERAL (SELECT x, z, g, o, w, false AS s) f, LATERAL (SELECT lead_info(new) #> '{recalibrations,0}' AS c) AS i
$$;
SELECT cmp_ok(greatest(pg_temp.off_by(model, stretched, fit = 'offset'), pg_temp.off_by(model, moved, fit = 'offset')), '<', 1e-12::float8, fit || ': the log-odds are a + b lp')
FROM m JOIN again USING (fit) ORDER BY fit;
SELECT cmp_ok(max(abs((SELECT sum(e.contribution) FROM lead_explain(a.stretched, f) AS e) - lead_log_odds(a.stretched, f))), '<', 1e-12::float8,
	'what a recalibrated model explains adds up')
FROM again AS a, leads, LATERAL (SELECT x, z, g, o, w, false AS s) f WHERE leads.i % 10 = 0;

-- The likelihood has its maximum there: the score equations of a and b.
SELECT cmp_ok(greatest(abs(sum((won::int - p) * k)), abs(sum((won::int - p) * k * lp))), '<', 1e-6::float8, fit || ': observed less expected is 0')
FROM (SELECT fit, won, CASE fit WHEN 'weights' THEN r.w ELSE 1 END AS k, lead_score(stretched, r) AS p, lead_log_odds(model, r) AS lp
	FROM m JOIN again USING (fit), now_, LATERAL (SELECT x, z, g, o, w, false AS s) r WHERE fit IN ('plain', 'weights', 'separated')) AS q
GROUP BY fit ORDER BY fit;

-- A frame's columns may lie otherwise, and a column may have gone empty.
SELECT is(to_jsonb(a) - '{log_likelihood_keep,log_likelihood_intercept,log_likelihood_slope,log_likelihood_full,p_keep,p_intercept,p_slope,intercept,slope}'::text[],
	to_jsonb(b) - '{log_likelihood_keep,log_likelihood_intercept,log_likelihood_slope,log_likelihood_full,p_keep,p_intercept,p_slope,intercept,slope}'::text[], 'columns are found by name')
FROM m, (SELECT lead_frame(won, r) AS turned FROM now_, LATERAL (SELECT g, w, z, x, o) r) AS t,
	lead_ladder(model, frame) AS a, lead_ladder(model, turned) AS b WHERE fit = 'plain';
SELECT cmp_ok(abs(a.log_likelihood_full - b.log_likelihood_full), '<', 1e-9::float8, 'and say the same')
FROM m, (SELECT lead_frame(won, r) AS turned FROM now_, LATERAL (SELECT g, w, z, x, o) r) AS t,
	lead_ladder(model, frame) AS a, lead_ladder(model, turned) AS b WHERE fit = 'plain';
SELECT is(l.df_full, 5, 'of a column that has gone empty nothing can be told: left are the intercept, z and three levels')
FROM m, lead_ladder(model, (SELECT lead_frame(won, r) FROM now_, LATERAL (SELECT NULL::float8 AS x, z, g) r)) AS l WHERE fit = 'plain';

-- keep is what scoring says, also where a level is new
SELECT cmp_ok(abs(l.log_likelihood_keep - s.log_likelihood), '<', 1e-9::float8, 'keep is the likelihood of the scores')
FROM m, lead_ladder(model, frame) AS l, (SELECT sum(ln(CASE WHEN won THEN p ELSE 1 - p END)) AS log_likelihood
	FROM now_, LATERAL (SELECT x, z, g) r, LATERAL (SELECT lead_score((SELECT model FROM m WHERE fit = 'plain'), r) AS p) AS s) AS s
WHERE fit = 'plain';

-- Recalibrated again on the same rows nothing changes; the account lists both.
SELECT cmp_ok(max(abs(lead_log_odds(twice, r) - lead_log_odds(stretched, r))), '<', 1e-8::float8, 'a second time changes nothing')
FROM (SELECT stretched, lead_recalibrate(stretched, frame, 'slope') AS twice FROM m JOIN again USING (fit) WHERE fit = 'plain') AS t, now_, LATERAL (SELECT x, z, g) r;
SELECT is(jsonb_array_length(lead_info(lead_recalibrate(moved, frame, 'slope'))->'recalibrations'), 2, 'and the account lists both')
FROM m JOIN again USING (fit) WHERE fit = 'plain';

-- What is known of the errors: those of the slopes where the intercept moved, none else.
SELECT is(ARRAY[(SELECT count(std_error) FROM lead_coefficients(moved) WHERE name = '(Intercept)'),
		(SELECT count(*) FROM lead_coefficients(moved) AS n JOIN lead_coefficients(model) AS o USING (name)
			WHERE o.name <> '(Intercept)' AND n.std_error = o.std_error AND n.p = o.p),
		(SELECT count(*) FROM lead_coefficients(stretched) AS c WHERE c.std_error IS NOT NULL OR c.p IS NOT NULL)],
	ARRAY[0, (SELECT count(*) - 1 FROM lead_coefficients(model)), 0], 'standard errors only where they hold')
FROM m JOIN again USING (fit) WHERE fit = 'plain';
SELECT ok(lead_info(stretched)->'deviance' IS NULL AND lead_info(stretched)->'rows' = lead_info(model)->'rows'
	AND lead_profile(stretched) = lead_profile(model), 'the fit of the training is forgotten, its rows are not')
FROM m JOIN again USING (fit) WHERE fit = 'plain';

-- Canonical bytes
SELECT ok(lead_recalibrate(model, (SELECT lead_frame(won, r) FROM (SELECT * FROM now_ ORDER BY random()) AS n, LATERAL (SELECT x, z, g) r), 'slope') = stretched,
	'the same rows give the same bytes')
FROM m JOIN again USING (fit) WHERE fit = 'plain';

-- What cannot be recalibrated
SELECT throws_ok($$ SELECT lead_recalibrate(model, (SELECT lead_frame(NOT won, r) FROM now_, LATERAL (SELECT x, z, g) r), 'slope') FROM m WHERE fit = 'plain' $$,
	'22000', 'the model cannot be recalibrated: higher scores have no better outcomes in these rows', 'a slope that is not positive is refused');
SELECT is(l.step, 'full', 'and no step of the ladder')
FROM m, lead_ladder(model, (SELECT lead_frame(NOT won, r) FROM now_, LATERAL (SELECT x, z, g) r)) AS l WHERE fit = 'plain';
SELECT throws_ok($$ SELECT lead_recalibrate(model, (SELECT lead_frame(lead_score(model, r) > 0.4, r) FROM now_, LATERAL (SELECT x, z, g) r), 'slope') FROM m WHERE fit = 'plain' $$,
	'22000', 'the model cannot be recalibrated: its scores separate the outcomes completely', 'nor is one that runs away');
SELECT throws_ok($$ SELECT lead_recalibrate(model, (SELECT lead_frame(won, r) FROM now_, LATERAL (SELECT 0::float8 AS x, 0 AS z, 'a' AS g) r), 'slope') FROM m WHERE fit = 'plain' $$,
	'22000', 'the model cannot be recalibrated: all of these rows have the same score', 'nor can one score tell a slope');

SELECT * FROM finish();
ROLLBACK;
