-- frame - frame is the frame without these rows, to the byte; a frame weighed is a
-- frame whose rows have that weight.
BEGIN;
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
\set codepro `test -r ../shared/data/codepro/model_input.csv.gz && echo true || echo false`
\set campaign `test -r ../shared/data/campaign/campaign_data.csv.gz && echo true || echo false`
SELECT plan(28);

----------------------------------------------------------------------------
-- Random small tables: NULLs, texts, dates, many numbers, duplicates
----------------------------------------------------------------------------

-- values few enough that rows are equal often, and that dictionaries lose values
CREATE FUNCTION pg_temp.some_rows(seed int, n int)
RETURNS TABLE (i int, won boolean, city text, a int, x float8, d date, vip boolean, w float8, part int) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM setseed(seed / 1000.0);
	RETURN QUERY SELECT g, CASE WHEN random() < 0.9 THEN random() < 0.3 END,
		CASE WHEN random() < 0.8 THEN substr('äbcdefgh', 1 + (random() * 7)::int, 1 + (random() * 2)::int) END,
		CASE WHEN random() < 0.9 THEN (random() * random() * 6)::int END, CASE WHEN random() < 0.7 THEN round(random()::numeric, 1 + seed % 4)::float8 - 0.5 END,
		'2024-01-01'::date + (random() * 3)::int, random() < 0.5, 1 + (random() * 3)::int / 4.0::float8, (random() * 4)::int
	FROM generate_series(1, n) g;
END $$;
CREATE FUNCTION pg_temp.wrong(seed int, n int, options jsonb) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	whole leadframe; less leadframe; rest leadframe;
BEGIN
	FOR p IN -1 .. 4 LOOP
		SELECT lead_frame(won, r, options), lead_frame(won, r, options) FILTER (WHERE part = p OR p < 0 AND i = 1),
			lead_frame(won, r, options) FILTER (WHERE NOT (part = p OR p < 0 AND i = 1))
		INTO whole, less, rest FROM pg_temp.some_rows(seed, n) r;
		CONTINUE WHEN less IS NULL OR rest IS NULL;
		IF whole - less <> rest OR whole - rest <> less OR (rest || less) - less <> rest THEN
			RETURN NEXT format('seed %s, %s rows, part %s', seed, n, p);
		END IF;
	END LOOP;
END $$;
SELECT is((SELECT count(w) FROM generate_series(1, 150) seed, pg_temp.wrong(seed, 1 + seed % 40, '{"exclude": ["i", "won", "part", "d"]}') w), 0::bigint,
	'150 random tables less each part of them');
SELECT is((SELECT count(w) FROM generate_series(1, 60) seed,
	pg_temp.wrong(seed, 60, '{"exclude": ["i", "won", "part"], "weight": "w", "time": "d", "group": "a", "offset": "x"}') w), 0::bigint,
	'with every role');
SELECT is((SELECT count(w) FROM generate_series(1, 10) seed, pg_temp.wrong(seed, 2000, '{"exclude": ["won", "part", "d"]}') w), 0::bigint,
	'with a number that is different in every row');
SELECT ok(f - f = (f || f) - f - f AND (SELECT (rows, positives, unknown) = (0, 0, 0) FROM leadscore.frame_counts(f - f)), 'all rows less all rows are none')
FROM (SELECT lead_frame(won, r, '{"exclude": ["i", "d"]}') AS f FROM pg_temp.some_rows(1, 50) r) f;
SELECT ok((f - g) - h = (f - h) - g AND (f - g) - h = f - (g || h), 'in any order, one by one or together')
FROM (SELECT lead_frame(won, r, o) AS f, lead_frame(won, r, o) FILTER (WHERE part = 1) AS g, lead_frame(won, r, o) FILTER (WHERE part = 2) AS h
	FROM pg_temp.some_rows(7, 500) r, (SELECT '{"exclude": ["i", "d"]}'::jsonb AS o) o) f;
-- a column that one side lacks is NULL in its rows, as in a union
SELECT ok((a || b) - b = a, 'a frame without some of the columns')
FROM (SELECT lead_frame(won, (SELECT q FROM (SELECT city, a, x) q)) FILTER (WHERE part < 2) AS a,
	lead_frame(won, (SELECT q FROM (SELECT city, a) q)) FILTER (WHERE part >= 2) AS b FROM pg_temp.some_rows(9, 300) r) f;

----------------------------------------------------------------------------
-- Dictionaries that change their store
----------------------------------------------------------------------------

CREATE TEMP TABLE many AS SELECT i, i % 3 = 0 AS won, i % 70000 * 0.5 AS x, 'level ' || i % 3000 AS level, i % 300 AS code FROM generate_series(0, 139999) i;
\set options '''{"exclude": ["i", "won"], "max_distinct": 2500}'''
SELECT ok(lead_frame(won, m, :options) - lead_frame(won, m, :options) FILTER (WHERE x >= 20000) = lead_frame(won, m, :options) FILTER (WHERE x < 20000),
	'plain numbers that are few in the end get a dictionary; a text that has overflowed stays so') FROM many m;
SELECT ok(lead_frame(won, m, :options) - lead_frame(won, m, :options) FILTER (WHERE i % 7 = 0) = lead_frame(won, m, :options) FILTER (WHERE i % 7 > 0),
	'plain numbers that stay many') FROM many m;
\set codes '''{"exclude": ["i", "won", "level"]}'''
SELECT ok(lead_frame(won, m, :codes) - lead_frame(won, m, :codes) FILTER (WHERE code >= 200) = lead_frame(won, m, :codes) FILTER (WHERE code < 200),
	'codes of two bytes that fit into one') FROM many m;
SELECT is((SELECT treatment FROM lead_describe(f - g) WHERE "column" = 'level'), (SELECT treatment FROM lead_describe(f) WHERE "column" = 'level'),
	'less all but ten rows an overflowed column has not come back')
FROM (SELECT lead_frame(won, m, :options) AS f, lead_frame(won, m, :options) FILTER (WHERE i >= 10) AS g FROM many m) s;

----------------------------------------------------------------------------
-- Times of which there is a range only
----------------------------------------------------------------------------

CREATE TEMP TABLE times AS SELECT i, i % 3 = 0 AS won, i % 2 AS a, '2024-01-01'::timestamptz + i * interval '7 hours' AS at FROM generate_series(1, 200) i;
\set parts '''{"exclude": ["i", "won"], "timezone": "Europe/Berlin", "columns": {"at": {"parts": ["hour", "dow"]}}}'''
SELECT ok(f - g = h, 'rows from within the range') FROM (SELECT lead_frame(won, t, :parts) AS f, lead_frame(won, t, :parts) FILTER (WHERE i BETWEEN 50 AND 70) AS g,
	lead_frame(won, t, :parts) FILTER (WHERE i NOT BETWEEN 50 AND 70) AS h FROM times t) s;
SELECT throws_like(format('SELECT %L::leadframe - %L::leadframe', f, g), '%the new range of column "at" is not known', 'the first row') FROM
	(SELECT lead_frame(won, t, :parts) AS f, lead_frame(won, t, :parts) FILTER (WHERE i < 3) AS g FROM times t) s;
SELECT ok(leadscore.set_time_range(f) - leadscore.set_time_range(g) = leadscore.set_time_range(h), 'without ranges any row')
FROM (SELECT lead_frame(won, t, :parts) AS f, lead_frame(won, t, :parts) FILTER (WHERE i < 3) AS g, lead_frame(won, t, :parts) FILTER (WHERE i >= 3) AS h FROM times t) s;
SELECT is((SELECT min || ' ' || max FROM lead_describe(leadscore.set_time_range(f, '2024-01-01', '2024-02-01')) WHERE "column" = 'at'),
	'2024-01-01 00:00:00+00 2024-02-01 00:00:00+00', 'a range from outside') FROM (SELECT lead_frame(won, t, :parts) AS f FROM times t) s;
SELECT ok(lead_frame_columns(won, leadscore.framing_of(f) || '{"max_distinct": 100000}', i, a, at) = f, 'a frame''s own options frame its rows')
FROM times, (SELECT lead_frame(won, (SELECT q FROM (SELECT i, a, at) q), '{"timezone": "Europe/Berlin", "columns": {"at": {"parts": ["hour", "dow"]}}, "group": "a"}') AS f FROM times) s
GROUP BY f;

----------------------------------------------------------------------------
-- Real rows
----------------------------------------------------------------------------

\if :codepro
CREATE TEMP TABLE codepro (lead_id int, created_date timestamp, city_tier int, first_platform_c text, first_utm_medium_c text, first_utm_source_c text,
	total_leads_droppped int, referred_lead int, assistance_interaction int, career_interaction int, payment_interaction int, social_interaction int,
	syllabus_interaction int, app_complete_flag int, split text);
\copy codepro FROM PROGRAM 'zcat ../shared/data/codepro/model_input.csv.gz' CSV HEADER
\set options '''{"exclude": ["lead_id", "app_complete_flag", "split"], "columns": {"created_date": {"parts": ["hour", "dow"]}}}'''
CREATE TEMP TABLE by_day AS SELECT created_date::date AS day, lead_frame(app_complete_flag, c, :options) AS frame FROM codepro c GROUP BY 1;
CREATE TEMP TABLE total AS SELECT leadscore.set_time_range(lead_frame(frame)) AS frame FROM by_day;
SELECT is((SELECT count(*) FROM by_day d, total WHERE total.frame - leadscore.set_time_range(d.frame)
	= (SELECT leadscore.set_time_range(lead_frame(o.frame)) FROM by_day o WHERE o.day <> d.day)), (SELECT count(*) FROM by_day), 'CodePro less any day is the other days');
SELECT is((SELECT count(*) FROM codepro c, total WHERE lead_id % 2500 = 1 AND (SELECT rows FROM leadscore.frame_counts(total.frame
	- (SELECT leadscore.set_time_range(lead_frame(o.app_complete_flag, o, :options)) FROM codepro o WHERE o.lead_id = c.lead_id))) = 24990),
	(SELECT count(*) FROM codepro WHERE lead_id % 2500 = 1), 'less any lead there is one lead less');
SELECT ok(total.frame - f = g, 'less a third of the leads, to the byte') FROM total, (SELECT
	leadscore.set_time_range(lead_frame(app_complete_flag, c, :options) FILTER (WHERE lead_id % 3 = 0)) AS f,
	leadscore.set_time_range(lead_frame(app_complete_flag, c, :options) FILTER (WHERE lead_id % 3 > 0)) AS g FROM codepro c) s;
SELECT throws_like(format('SELECT leadscore.set_time_range(%L) - leadscore.set_time_range(%L)', f, g), '%row 1 of the 1 to be subtracted is not there', 'a lead that has changed')
FROM (SELECT lead_frame(app_complete_flag, c, :options) AS f FROM codepro c) s,
	(SELECT lead_frame(app_complete_flag, c, :options) AS g FROM (SELECT (json_populate_record(c, '{"total_leads_droppped": 3, "city_tier": 1, "first_platform_c": "Level2"}')).* FROM codepro c WHERE lead_id = 100) c) t;
SELECT lives_ok(format('SELECT leadscore.set_time_range(%L) - leadscore.set_time_range(%L)', f, g), 'a lead as it is')
FROM (SELECT lead_frame(app_complete_flag, c, :options) AS f, lead_frame(app_complete_flag, c, :options) FILTER (WHERE lead_id = 100) AS g FROM codepro c) s;

-- Weights.  Rows that come twice are rows of weight 2.
\set five '(SELECT q FROM (SELECT total_leads_droppped, referred_lead, city_tier, first_platform_c, first_utm_source_c) q)'
\set weighted '(SELECT q FROM (SELECT total_leads_droppped, referred_lead, city_tier, first_platform_c, first_utm_source_c, weight) q)'
CREATE TEMP TABLE m AS
SELECT lead_fit(lead_weigh_frame(lead_frame(app_complete_flag, :five) FILTER (WHERE lead_id % 2 = 0), 0.37)
		|| lead_weigh_frame(lead_frame(app_complete_flag, :five) FILTER (WHERE lead_id % 2 = 1), 2)) AS weighed,
	lead_train(app_complete_flag, :weighted, '{"weight": "weight"}') AS by_column,
	lead_fit(lead_weigh_frame(lead_frame(app_complete_flag, :weighted, '{"weight": "weight"}'), 3)) AS weighed_twice,
	lead_train(app_complete_flag, (SELECT q FROM (SELECT total_leads_droppped, referred_lead, city_tier, first_platform_c, first_utm_source_c, weight * 3 AS weight) q),
		'{"weight": "weight"}') AS by_product,
	lead_fit(lead_weigh_frame(lead_frame(app_complete_flag, :five), 1)) AS by_one, lead_train(app_complete_flag, :five) AS plain
FROM (SELECT *, CASE WHEN lead_id % 2 = 0 THEN 0.37 ELSE 2 END::float8 AS weight FROM codepro) c;
CREATE FUNCTION pg_temp.apart(a bytea, b bytea) RETURNS float8 LANGUAGE sql AS $$
	SELECT max(greatest(abs(x.estimate - y.estimate), abs(x.std_error - y.std_error)))
	FROM lead_coefficients(a) x FULL JOIN lead_coefficients(b) y USING (name) $$;
SELECT cmp_ok(pg_temp.apart(weighed, by_column), '<', 1e-10::float8, 'weighed by w: the fit of rows with a weight column of w') FROM m;
SELECT cmp_ok(pg_temp.apart(weighed_twice, by_product), '<', 1e-10::float8, 'weights of rows and of the frame are multiplied') FROM m;
SELECT cmp_ok(pg_temp.apart(by_one, plain), '<', 1e-12::float8, 'a weight of 1 changes nothing') FROM m;
SELECT cmp_ok(pg_temp.apart(lead_fit(lead_weigh_frame(f, 2)), lead_fit(f || f)), '<', 1e-10::float8, 'a weight of 2 is every row twice')
FROM (SELECT lead_frame(app_complete_flag, :five) AS f FROM codepro) s;
SELECT ok(lead_weigh_frame(f, 0.5) || lead_weigh_frame(g, 0.5) = lead_weigh_frame(f || g, 0.5), 'weighed and united in any order')
FROM (SELECT lead_frame(app_complete_flag, :five) FILTER (WHERE lead_id % 2 = 0) AS f, lead_frame(app_complete_flag, :five) FILTER (WHERE lead_id % 2 = 1) AS g FROM codepro) s;

-- lead_training() of a frame is that of its rows
SELECT ok(lead_training(app_complete_flag, :five, '{"lambda": 2}') = lead_training(lead_frame(app_complete_flag, :five), '{"lambda": 2}'),
	'lead_training() of a frame is the aggregate''s of its rows: model, counts, fingerprint, facts') FROM codepro c;
\else
SELECT skip('../shared/data/codepro is not here', 11);
\endif

\if :campaign
CREATE TEMP TABLE campaign ("CampaignID" text, "GoalAmount" int, "RaisedAmount" float8, "DurationDays" int, "NumBackers" int, "Category" text,
	"LaunchMonth" text, "Country" text, "Currency" text, "OwnerExperience" int, "VideoIncluded" text, "SocialMediaPresence" int, "NumUpdates" int, "IsSuccessful" int);
\copy campaign FROM PROGRAM 'zcat ../shared/data/campaign/campaign_data.csv.gz' CSV HEADER
\set options '''{"max_distinct": 5000}'''
SELECT ok(lead_frame(won, r, :options) - lead_frame(won, r, :options) FILTER (WHERE n % 10 = 0) =
	lead_frame(won, r, :options) FILTER (WHERE n % 10 > 0), 'campaigns less a tenth: plain numbers, an overflowed identifier')
FROM (SELECT c AS r, (c)."IsSuccessful" AS won, row_number() OVER () AS n FROM campaign c) c;
SELECT ok(lead_frame(won, r, :options) - lead_frame(won, r, :options) FILTER (WHERE n % 2 = 0) =
	lead_frame(won, r, :options) FILTER (WHERE n % 2 > 0), 'campaigns less half: 50,000 different amounts get a dictionary')
FROM (SELECT c AS r, (c)."IsSuccessful" AS won, row_number() OVER () AS n FROM campaign c) c;
\else
SELECT skip('../shared/data/campaign is not here', 2);
\endif

SELECT * FROM finish();
ROLLBACK;
