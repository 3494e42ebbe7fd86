-- generate.sql: tables like those of the bench, where there are no others.
--
-- psql -v rows=1000000 -f generate.sql.  "leads": three texts with long tails, a
-- tier and a count with missing values, a flag and thirty counters that are
-- nearly always zero; the label follows a logistic model.  "pts": twenty
-- doubles, no two rows alike.  random() after setseed() in a serial plan: the
-- same rows on the same version of PostgreSQL.
\set ON_ERROR_STOP on
SET max_parallel_workers_per_gather = 0;

-- Counter i is 1 or more in one lead out of 4 + i, and 2 or more in one of those squared.
SELECT string_agg(format('(random() < 1.0 / %s)::int * (1 + (random() < 1.0 / %s)::int) AS ic_%s',
		4 + i, 4 + i, lpad(i::text, 2, '0')), ', ' ORDER BY i) AS counters,
	string_agg(format('%s * ic_%s', round((0.4 * sin(i))::numeric, 2), lpad(i::text, 2, '0')),
		' + ' ORDER BY i) AS weighed
FROM generate_series(1, 30) i \gset

SELECT setseed(0.42);
CREATE TABLE leads AS
WITH drawn AS MATERIALIZED (
	SELECT id::int,
		timestamptz '2021-07-01 00:00+00' + random() * interval '92 days' AS created_date,
		CASE WHEN random() > 0.02 THEN 1 + (random() * random() * 3)::int END AS city_tier,
		(8 * random() ^ 2)::int AS platform,
		(40 * random() ^ 3)::int AS medium,
		(30 * random() ^ 3)::int AS source,
		CASE WHEN random() > 0.01 THEN least(30, (-2.2 * ln(1 - random()))::int) END AS total_leads_dropped,
		(random() < 0.07)::int AS referred_lead,
		:counters
	FROM generate_series(1, :rows) id
)
SELECT id, created_date, city_tier, 'platform ' || platform AS first_platform_c,
	'medium ' || medium AS first_utm_medium_c, 'source ' || source AS first_utm_source_c,
	total_leads_dropped, referred_lead,
	ic_01, ic_02, ic_03, ic_04, ic_05, ic_06, ic_07, ic_08, ic_09, ic_10,
	ic_11, ic_12, ic_13, ic_14, ic_15, ic_16, ic_17, ic_18, ic_19, ic_20,
	ic_21, ic_22, ic_23, ic_24, ic_25, ic_26, ic_27, ic_28, ic_29, ic_30,
	(random() < 1 / (1 + exp(-(0.3 - 0.25 * coalesce(city_tier, 2) + 0.6 * sin(platform)
		+ 0.7 * cos(medium) + 0.5 * sin(source) + 0.9 * referred_lead
		- 0.06 * coalesce(total_leads_dropped, 2) + :weighed))))::int AS app_complete_flag
FROM drawn;

SELECT string_agg(format('random() + random() + random() - 1.5 AS x%s', i), ', ' ORDER BY i) AS draws,
	string_agg(format('%s * x%s', round((0.5 * cos(i))::numeric, 2), i), ' + ' ORDER BY i) AS weighed
FROM generate_series(1, 20) i \gset

SELECT setseed(0.17);
CREATE TABLE pts AS
WITH drawn AS MATERIALIZED (SELECT id::int, :draws FROM generate_series(1, :rows) id)
SELECT *, (random() < 1 / (1 + exp(-(:weighed))))::int AS y FROM drawn;
