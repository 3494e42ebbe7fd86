-- explore.sql: the exploratory analysis of three public sets, as queries.
--
--	psql -d yourdatabase -f test/demo/explore.sql	from the top of the tree
--
-- Needs the extension, and the sets in ../shared/data.  What it makes is temporary:
-- the leads (codepro, olist, campaign) and a frame of each set (explored).
CREATE TEMP TABLE codepro (lead_id int, created_date timestamp, city_tier int, first_platform_c text, first_utm_medium_c text, first_utm_source_c text, total_leads_droppped int, referred_lead int, assistance_interaction int, career_interaction int, payment_interaction int, social_interaction int, syllabus_interaction int, app_complete_flag int, split text);
\copy codepro FROM PROGRAM 'zcat ../shared/data/codepro/model_input.csv.gz' CSV HEADER
CREATE TEMP TABLE mql (mql_id text, first_contact_date date, landing_page_id text, origin text);
\copy mql FROM PROGRAM 'zcat ../shared/data/olist_funnel/marketing_qualified_leads.csv.gz' CSV HEADER
CREATE TEMP TABLE deals (mql_id text);
\copy deals FROM PROGRAM 'zcat ../shared/data/olist_funnel/closed_deals.csv.gz | cut -d, -f1' CSV HEADER
CREATE TEMP VIEW olist AS SELECT mql.*, deals.mql_id IS NOT NULL AS won FROM mql LEFT JOIN deals USING (mql_id);
CREATE TEMP TABLE campaign (campaign_id text, goal int, raised float8, days int, backers int, category text, month text, country text, currency text, experience int, video text, social int, updates int, won int);
\copy campaign FROM PROGRAM 'zcat ../shared/data/campaign/campaign_data.csv.gz' CSV HEADER

CREATE TEMP TABLE explored AS
SELECT 'codepro' AS set, lead_frame(app_complete_flag, c, '{"exclude": "split"}') AS frame FROM codepro c
UNION ALL SELECT 'olist', lead_frame(won, o) FROM olist o
UNION ALL SELECT 'campaign', lead_frame(won, c) FROM campaign c;

\echo What is in the leads of CodePro?
SELECT d."column", type, missing, "distinct", min, median, max, round(skewness::numeric, 2) AS skewness, zeros, alerts
FROM (SELECT lead_profile(c) AS profile FROM codepro c) p, lead_describe(profile) d;

\echo Which columns matter?
SELECT set, "column", cells, round(information_value::numeric, 3) AS iv, strength, round(chance_value::numeric, 4) AS chance, beyond_chance,
	   round(auc::numeric, 3) AS auc, direction, left(lowest_level, 20) AS lowest, round(lowest_rate::numeric, 3) AS low, left(highest_level, 20) AS highest, round(highest_rate::numeric, 3) AS high
FROM explored, lead_describe_label_columns(frame) WHERE note IS NULL ORDER BY set, information_value DESC;

\echo How does one of them look?
SELECT level, rows, positives, round(rate::numeric, 3) AS rate, round(rate_low::numeric, 3) AS low, round(rate_high::numeric, 3) AS high, round(woe::numeric, 3) AS woe, round(iv::numeric, 4) AS iv
FROM explored, lead_describe_label(frame) WHERE set = 'olist' AND "column" = 'origin' ORDER BY cell;

\echo Are the leads of 2018 those of 2017?
SELECT s.drifted, drifted_columns, measured, beyond_chance, not_measured, columns_that_matter
FROM (SELECT lead_profile(o) FILTER (WHERE first_contact_date < '2018-01-01') AS before, lead_profile(o) FILTER (WHERE first_contact_date >= '2018-01-01') AS now FROM olist o) p,
	 lead_drift_summary(before, now) s;
