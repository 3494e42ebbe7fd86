-- codepro_pipeline.sql: a data pipeline in SQL, from raw leads to the rows a model is
-- trained on.
--
-- The leads are CodePro's, who sell courses online: will a lead complete the
-- application?  Each step is a view over the one before, so there is nothing to run
-- again when leads arrive; only what is learnt from the past (step 4) is stored in a
-- table, for scoring must code leads the way training did.
--
--	codepro_raw -> loaded -> tiered -> levelled -> summed -+-> model_input  (a row per lead)
--	                                                       +-> cleaned      (no duplicates)
--
-- Fill codepro_raw, codepro_city_tier and codepro_interaction (with COPY, say), then
-- learn the levels:
--
--	INSERT INTO codepro_significant_level
--	SELECT column_name, level FROM codepro_level_share WHERE significant;
--
-- test/pgtap/codepro_pipeline.sql does so and compares every step with what CodePro's own
-- pipeline made of the same leads.

----------------------------------------------------------------------------
-- What comes in
----------------------------------------------------------------------------

-- A lead as the marketing database hands it over.  The 37 columns from
-- 1_on_1_industry_mentorship on count clicks; nearly all of them are NULL.
CREATE TABLE codepro_raw (
	lead_id int,
	created_date timestamp,
	city_mapped text,
	first_platform_c text, first_utm_medium_c text, first_utm_source_c text,
	total_leads_droppped float8, referred_lead float8,
	"1_on_1_industry_mentorship" float8, call_us_button_clicked float8, career_assistance float8,
	career_coach float8, career_impact float8, careers float8, chat_clicked float8,
	companies float8, download_button_clicked float8, download_syllabus float8,
	emi_partner_click float8, emi_plans_clicked float8, fee_component_click float8,
	hiring_partners float8, homepage_upgrad_support_number_clicked float8,
	industry_projects_case_studies float8, live_chat_button_clicked float8,
	payment_amount_toggle_mover float8, placement_support float8,
	placement_support_banner_tab_clicked float8, program_structure float8,
	programme_curriculum float8, programme_faculty float8,
	request_callback_on_instant_customer_support_cta_clicked float8, shorts_entry_click float8,
	social_referral_click float8, specialisation_tab_clicked float8, specializations float8,
	specilization_click float8, syllabus float8, syllabus_expand float8,
	syllabus_submodule_expand float8, tab_career_assistance float8, tab_job_opportunities float8,
	tab_student_support float8, view_programs_page float8, whatsapp_chat_click float8,
	app_complete_flag int	-- the label; NULL: not known yet
);

-- Cities of tier 1 and 2, and some of tier 3.
CREATE TABLE codepro_city_tier (city text PRIMARY KEY, tier int NOT NULL);

-- Which of five groups a column of clicks belongs to.
CREATE TABLE codepro_interaction (interaction_type text PRIMARY KEY, interaction_mapping text NOT NULL);

-- The levels that count one by one; learnt in step 4.
CREATE TABLE codepro_significant_level (column_name text, level text, PRIMARY KEY (column_name, level));

----------------------------------------------------------------------------
-- Step 1: has the table the columns it should have?
----------------------------------------------------------------------------

-- No row: all is well.  A new column of clicks has to be mapped before it counts.
CREATE VIEW codepro_schema_check AS
SELECT "column", CASE WHEN f."column" IS NULL THEN 'missing' ELSE 'unexpected' END AS problem
FROM (SELECT attname::text AS "column" FROM pg_attribute
	  WHERE attrelid = 'codepro_raw'::regclass AND attnum > 0 AND NOT attisdropped) AS f
FULL JOIN
	 (SELECT interaction_type AS "column" FROM codepro_interaction
	  UNION ALL
	  SELECT unnest(ARRAY['lead_id', 'created_date', 'city_mapped', 'first_platform_c',
			'first_utm_medium_c', 'first_utm_source_c', 'total_leads_droppped',
			'referred_lead', 'app_complete_flag'])) AS e USING ("column")
WHERE f."column" IS NULL OR e."column" IS NULL;

----------------------------------------------------------------------------
-- Step 2: load
----------------------------------------------------------------------------

-- No entry means none, for leads dropped and for referrals.  The 37 columns become
-- one document of those that are not NULL: from here on a column of clicks is a name
-- in it, and nobody types 37 names again.
CREATE VIEW codepro_loaded AS
SELECT lead_id, created_date, city_mapped, first_platform_c, first_utm_medium_c, first_utm_source_c,
	coalesce(total_leads_droppped, 0) AS total_leads_droppped,
	coalesce(referred_lead, 0) AS referred_lead,
	app_complete_flag,
	jsonb_strip_nulls(to_jsonb(r) - ARRAY['lead_id', 'created_date', 'city_mapped',
		'first_platform_c', 'first_utm_medium_c', 'first_utm_source_c', 'total_leads_droppped',
		'referred_lead', 'app_complete_flag']) AS clicks
FROM codepro_raw AS r;

----------------------------------------------------------------------------
-- Step 3: city -> tier
----------------------------------------------------------------------------

-- 1,400 cities are too many to learn from; their tiers are three.  A city that is
-- not listed, or not known, is of tier 3.
CREATE VIEW codepro_tiered AS
SELECT lead_id, created_date, coalesce(t.tier, 3) AS city_tier,
	first_platform_c, first_utm_medium_c, first_utm_source_c,
	total_leads_droppped, referred_lead, app_complete_flag, clicks
FROM codepro_loaded AS l
LEFT JOIN codepro_city_tier AS t ON t.city = l.city_mapped;

----------------------------------------------------------------------------
-- Step 4: the significant levels
----------------------------------------------------------------------------

-- Levels by falling frequency, as long as they make up 90 % of the leads together.
-- Equally frequent levels are told apart by their bytes, so that the same leads give
-- the same list.
CREATE VIEW codepro_level_share AS
SELECT column_name, level, leads,
	sum(leads) OVER falling / sum(leads) OVER (PARTITION BY column_name) AS cumulative_share,
	sum(leads) OVER falling / sum(leads) OVER (PARTITION BY column_name) <= 0.9 AS significant
FROM (SELECT column_name, level, count(*) AS leads
	  FROM codepro_tiered,
		   LATERAL (VALUES ('first_platform_c', first_platform_c),
						   ('first_utm_medium_c', first_utm_medium_c),
						   ('first_utm_source_c', first_utm_source_c)) AS v(column_name, level)
	  WHERE level IS NOT NULL
	  GROUP BY column_name, level) AS counted
WINDOW falling AS (PARTITION BY column_name ORDER BY leads DESC, level COLLATE "C");

-- All others, NULL among them, are "others".
CREATE VIEW codepro_levelled AS
SELECT lead_id, created_date, city_tier,
	coalesce(p.level, 'others') AS first_platform_c,
	coalesce(m.level, 'others') AS first_utm_medium_c,
	coalesce(s.level, 'others') AS first_utm_source_c,
	total_leads_droppped, referred_lead, app_complete_flag, clicks
FROM codepro_tiered AS t
LEFT JOIN codepro_significant_level AS p
	ON p.column_name = 'first_platform_c' AND p.level = t.first_platform_c
LEFT JOIN codepro_significant_level AS m
	ON m.column_name = 'first_utm_medium_c' AND m.level = t.first_utm_medium_c
LEFT JOIN codepro_significant_level AS s
	ON s.column_name = 'first_utm_source_c' AND s.level = t.first_utm_source_c;

----------------------------------------------------------------------------
-- Step 5: 37 columns of clicks -> five sums
----------------------------------------------------------------------------

CREATE VIEW codepro_summed AS
SELECT l.*, s.*
FROM codepro_levelled AS l,
	 LATERAL (
	SELECT
		coalesce(sum(n) FILTER (WHERE interaction_mapping = 'assistance_interaction'), 0) AS assistance_interaction,
		coalesce(sum(n) FILTER (WHERE interaction_mapping = 'career_interaction'), 0) AS career_interaction,
		coalesce(sum(n) FILTER (WHERE interaction_mapping = 'payment_interaction'), 0) AS payment_interaction,
		coalesce(sum(n) FILTER (WHERE interaction_mapping = 'social_interaction'), 0) AS social_interaction,
		coalesce(sum(n) FILTER (WHERE interaction_mapping = 'syllabus_interaction'), 0) AS syllabus_interaction
	FROM (SELECT interaction_mapping, value::float8 AS n
		  FROM jsonb_each(clicks) JOIN codepro_interaction ON interaction_type = key) AS mapped) AS s;

----------------------------------------------------------------------------
-- Step 6: the rows of the model
----------------------------------------------------------------------------

-- One row per lead, with its key: what to train on, and what to score.
CREATE VIEW codepro_model_input AS
SELECT lead_id, created_date, city_tier, first_platform_c, first_utm_medium_c, first_utm_source_c,
	total_leads_droppped, referred_lead, assistance_interaction, career_interaction,
	payment_interaction, social_interaction, syllabus_interaction, app_complete_flag
FROM codepro_summed;

-- CodePro's own cleaned data: without the key, so equal leads are one, and leads that
-- differ in nothing but clicks are added up.
CREATE VIEW codepro_cleaned AS
SELECT created_date, city_tier, first_platform_c, first_utm_medium_c, first_utm_source_c,
	total_leads_droppped, referred_lead, app_complete_flag,
	sum(assistance_interaction) AS assistance_interaction,
	sum(career_interaction) AS career_interaction,
	sum(payment_interaction) AS payment_interaction,
	sum(social_interaction) AS social_interaction,
	sum(syllabus_interaction) AS syllabus_interaction
FROM (SELECT DISTINCT created_date, city_tier, first_platform_c, first_utm_medium_c, first_utm_source_c,
			 total_leads_droppped, referred_lead, app_complete_flag, clicks,
			 assistance_interaction, career_interaction, payment_interaction, social_interaction,
			 syllabus_interaction
	  FROM codepro_summed) AS distinct_leads
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
