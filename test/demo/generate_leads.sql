-- generate_leads.sql: 25,000 made-up leads of a school that sells courses online.
--
-- The table "leads" looks like what a marketing database has: where a lead came
-- from, where it lives, what it clicked, and won_at, when it paid.  Nobody in
-- it exists.  Which lead is won is decided by a logistic model written down
-- below, so what a training finds can be compared with the truth.
--
-- The same rows come out on every server of any version: chance is MD5 of the
-- lead's number, sixteen bits for each column, compared as whole numbers;
-- there is no random(), no hash that PostgreSQL may change, no clock.  (One
-- comparison is with exp(), which may differ in its last bit between platforms;
-- that moves a lead once in some 100,000 million.)
--
-- 2024-07-01 to 2025-06-30; whatever would be paid later is still open.

BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL timezone = 'UTC';

-- Levels of a column: share is relative, weight is what the level adds to the
-- log-odds of being won.
CREATE TEMPORARY TABLE gen_level (feature text, level text, share int, weight float8)
	ON COMMIT DROP;

INSERT INTO gen_level VALUES
	('platform', 'website', 340, 0.1),
	('platform', 'mobile site', 190, -0.3),
	('platform', 'android app', 160, 0.5),
	('platform', 'chat', 90, 0.9),
	('platform', 'call centre', 80, 1.3),
	('platform', 'partner page', 60, -0.6),
	('platform', 'ios app', 50, 0.7),
	('platform', 'webinar', 25, 0.8),
	('platform', 'career fair', 5, 0.2),

	('medium', 'cpc', 300, -0.2),
	('medium', 'organic', 170, 0.5),
	('medium', 'social', 150, -0.7),
	('medium', 'direct', 110, 0.4),
	('medium', 'display', 80, -1.2),
	('medium', 'email', 60, 0.6),
	('medium', 'affiliate', 50, -0.9),
	('medium', 'referral', 40, 1.1),
	('medium', 'whatsapp', 18, 0.7),
	('medium', 'sms', 12, -0.5),
	('medium', 'push', 8, 0.1),
	('medium', 'print', 2, 0.3),

	('source', 'google', 380, 0.2),
	('source', 'facebook', 160, -0.5),
	('source', 'instagram', 90, -0.4),
	('source', 'linkedin', 80, 0.5),
	('source', 'youtube', 70, -0.1),
	('source', 'bing', 50, 0.1),
	('source', 'quora', 40, 0.2),
	('source', 'taboola', 40, -1.0),
	('source', 'newsletter', 35, 0.6),
	('source', 'alumni', 25, 1.2),
	('source', 'shiksha', 20, 0.0),
	('source', 'collegedunia', 10, -0.3);

-- Cities: the further down the list, the fewer leads and the fewer wins.
INSERT INTO gen_level
SELECT 'city', name, 100000 / ((i + 2) * (i + 10)), 0.5 - 0.25 * ln(i)
FROM unnest(ARRAY[
	'Delhi', 'Mumbai', 'Bengaluru', 'Hyderabad', 'Pune', 'Chennai', 'Kolkata',
	'Lucknow', 'Ahmedabad', 'Jaipur', 'Patna', 'Indore', 'Nagpur', 'Bhopal',
	'Chandigarh', 'Coimbatore', 'Kochi', 'Surat', 'Bhubaneswar', 'Vadodara',
	'Visakhapatnam', 'Guwahati', 'Ranchi', 'Kanpur', 'Dehradun', 'Nashik',
	'Thiruvananthapuram', 'Raipur', 'Ludhiana', 'Varanasi', 'Agra', 'Mysuru',
	'Vijayawada', 'Madurai', 'Rajkot', 'Amritsar', 'Jabalpur', 'Gwalior',
	'Jodhpur', 'Aurangabad', 'Mangaluru', 'Hubballi', 'Udaipur', 'Jamshedpur',
	'Dhanbad', 'Meerut', 'Prayagraj', 'Kota', 'Kolhapur', 'Bareilly', 'Aligarh',
	'Moradabad', 'Salem', 'Tiruchirappalli', 'Guntur', 'Warangal', 'Cuttack',
	'Siliguri', 'Durgapur', 'Gorakhpur', 'Ajmer', 'Bikaner', 'Jhansi', 'Bilaspur',
	'Shimla', 'Jammu', 'Srinagar', 'Puducherry', 'Panaji', 'Gangtok', 'Shillong',
	'Imphal', 'Agartala', 'Aizawl', 'Kohima', 'Itanagar', 'Leh', 'Port Blair'
]) WITH ORDINALITY AS c(name, i);

-- What a lead may have clicked: how many of 65,536 leads did so at least once,
-- and what each time adds to the log-odds.
CREATE TEMPORARY TABLE gen_click (i int, feature text, leads int, weight float8) ON COMMIT DROP;
INSERT INTO gen_click VALUES
	(1, 'syllabus', 9000, 0.45),
	(2, 'fee_component_click', 5500, 0.8),
	(3, 'chat_clicked', 4000, 0.5),
	(4, 'download_syllabus', 3300, 0.7),
	(5, 'careers', 2500, 0.25),
	(6, 'call_us_button_clicked', 1300, 1.1),
	(7, 'emi_plans_clicked', 900, 0.9),
	(8, 'whatsapp_chat_click', 700, 0.4);

-- Per level the upper end of its share, out of 65,536.
CREATE TEMPORARY TABLE gen_bound ON COMMIT DROP AS
SELECT feature, array_agg(level ORDER BY n) AS levels, array_agg(weight ORDER BY n) AS weights,
	(array_agg(upto ORDER BY n)) AS bounds
FROM (
	SELECT feature, level, weight, n,
		(65536 * sum(share) OVER (PARTITION BY feature ORDER BY n)
			/ sum(share) OVER (PARTITION BY feature))::int AS upto
	FROM (SELECT *, row_number() OVER (PARTITION BY feature ORDER BY share DESC, level COLLATE "C") AS n
		FROM gen_level) numbered
) running
GROUP BY feature;

-- Draw number s of lead k: 0 … 65535.  One MD5 has eight of them.
CREATE FUNCTION pg_temp.draw(hash bytea, s int) RETURNS int LANGUAGE sql IMMUTABLE AS
	$$ SELECT get_byte($1, 2 * $2) * 256 + get_byte($1, 2 * $2 + 1) $$;

CREATE TABLE leads AS
WITH hashed AS MATERIALIZED (
	SELECT k, decode(md5('lead ' || k || ' a'), 'hex') AS a,
		decode(md5('lead ' || k || ' b'), 'hex') AS b,
		decode(md5('lead ' || k || ' c'), 'hex') AS c
	FROM generate_series(1, 25000) AS k
), drawn AS MATERIALIZED (
	SELECT k, b, c,
		-- 365 days; more leads in the evening, every second of an hour
		timestamptz '2024-07-01 00:00:00+00'
			+ (pg_temp.draw(a, 0) * 365 / 65536) * interval '1 day'
			+ ((ARRAY[0, 1, 6, 7, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 15, 16, 16,
				17, 17, 18, 18, 19, 19, 20, 20, 21, 22, 23])[1 + pg_temp.draw(a, 1) % 32]) * interval '1 hour'
			+ (pg_temp.draw(a, 2) % 3600) * interval '1 second' AS created_date,
		pg_temp.draw(a, 3) AS for_city,
		pg_temp.draw(a, 4) AS for_platform,
		pg_temp.draw(a, 5) AS for_medium,
		pg_temp.draw(a, 6) AS for_source,
		pg_temp.draw(a, 7) AS for_missing_city,
		-- how often the lead came and went: 1, 2, 3 … with falling frequency
		1 + width_bucket(pg_temp.draw(b, 0),
			ARRAY[41000, 56500, 61500, 63600, 64600, 65100, 65350, 65480]) AS total_leads_dropped,
		(pg_temp.draw(b, 1) < 2300)::int AS referred_lead,
		pg_temp.draw(b, 2) AS for_outcome,
		pg_temp.draw(b, 3) AS for_delay,
		pg_temp.draw(b, 4) AS for_more_clicks
	FROM hashed
), placed AS MATERIALIZED (
	SELECT drawn.*,
		width_bucket(for_city, city.bounds) + 1 AS city_n,
		width_bucket(for_platform, platform.bounds) + 1 AS platform_n,
		width_bucket(for_medium, medium.bounds) + 1 AS medium_n,
		width_bucket(for_source, source.bounds) + 1 AS source_n,
		-- a click, and of those that clicked one lead in four does so again
		(SELECT array_agg(CASE WHEN pg_temp.draw(c, click.i - 1) >= click.leads THEN 0
				WHEN pg_temp.draw(c, click.i - 1) * 4 < click.leads THEN 2 + (for_more_clicks >> click.i) % 2
				ELSE 1 END ORDER BY click.i)
			FROM gen_click click) AS clicks
	FROM drawn,
		(SELECT bounds FROM gen_bound WHERE feature = 'city') city,
		(SELECT bounds FROM gen_bound WHERE feature = 'platform') platform,
		(SELECT bounds FROM gen_bound WHERE feature = 'medium') medium,
		(SELECT bounds FROM gen_bound WHERE feature = 'source') source
), weighed AS (
	SELECT placed.*,
		CASE WHEN for_missing_city >= 4000 THEN city.levels[city_n] END AS city,
		platform.levels[platform_n] AS platform,
		medium.levels[medium_n] AS medium,
		source.levels[source_n] AS source,
		-1.5
			+ CASE WHEN for_missing_city >= 4000 THEN city.weights[city_n] ELSE -0.8 END
			+ platform.weights[platform_n] + medium.weights[medium_n] + source.weights[source_n]
			- 0.35 * (total_leads_dropped - 1) + 0.9 * referred_lead
			+ (SELECT sum(click.weight * clicks[click.i]) FROM gen_click click) AS log_odds
	FROM placed,
		(SELECT * FROM gen_bound WHERE feature = 'city') city,
		(SELECT * FROM gen_bound WHERE feature = 'platform') platform,
		(SELECT * FROM gen_bound WHERE feature = 'medium') medium,
		(SELECT * FROM gen_bound WHERE feature = 'source') source
), won AS (
	-- Paid after hours to weeks: the square of a uniform number, up to 75 days.
	SELECT weighed.*,
		CASE WHEN for_outcome + 0.5 < 65536 / (1 + exp(-log_odds)) THEN
			created_date + interval '3 hours'
				+ (for_delay::bigint * for_delay * 75 * 86400 / (65536::bigint * 65536)) * interval '1 second'
		END AS paid
	FROM weighed
)
SELECT (row_number() OVER (ORDER BY created_date, k))::int AS lead_id,
	created_date,
	city,
	platform AS first_platform_c,
	medium AS first_utm_medium_c,
	source AS first_utm_source_c,
	total_leads_dropped,
	referred_lead,
	clicks[1] AS syllabus,
	clicks[2] AS fee_component_click,
	clicks[3] AS chat_clicked,
	clicks[4] AS download_syllabus,
	clicks[5] AS careers,
	clicks[6] AS call_us_button_clicked,
	clicks[7] AS emi_plans_clicked,
	clicks[8] AS whatsapp_chat_click,
	CASE WHEN paid < timestamptz '2025-07-01 00:00:00+00' THEN paid END AS won_at
FROM won
ORDER BY 1;

ALTER TABLE leads ADD PRIMARY KEY (lead_id);
COMMENT ON TABLE leads IS 'made-up leads, July 2024 to June 2025';
DROP FUNCTION pg_temp.draw(bytea, int);
COMMIT;

VACUUM ANALYZE leads;
