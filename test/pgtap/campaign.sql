-- Campaigns: 100,000 made-up rows where a campaign succeeds exactly if the amount raised
-- reaches the goal, and all else is noise.
--
-- References: reference_glm_*.csv (Newton in R 4.2, treatment contrasts, base level =
-- first level by bytes), reference_ridge_*.csv (Python, checked against scikit-learn's
-- newton-cholesky; both amounts divided by their population standard deviation after
-- subtracting the mean, λ = 1).
BEGIN;
\set here `test -r ../shared/data/campaign/campaign_data.csv.gz && echo true || echo false`
\if :here
\else
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(1);
SELECT skip('../shared/data/campaign is not here');
SELECT * FROM finish();
ROLLBACK;
\q
\endif
\ir lib/reference.psql
SELECT plan(46);

-- An ordinary table: workers cannot read a temporary one.
CREATE TABLE campaign ("CampaignID" text, "GoalAmount" int, "RaisedAmount" float8, "DurationDays" int,
	"NumBackers" int, "Category" text, "LaunchMonth" text, "Country" text, "Currency" text,
	"OwnerExperience" int, "VideoIncluded" text, "SocialMediaPresence" int, "NumUpdates" int, "IsSuccessful" int);
\copy campaign FROM PROGRAM 'zcat ../shared/data/campaign/campaign_data.csv.gz' CSV HEADER
ANALYZE campaign;
\copy reference_summary FROM '../shared/data/campaign/reference_glm_summary.csv' WITH (FORMAT csv, HEADER, FORCE_NULL (test_n, test_auc, test_logloss, test_accuracy, test_precision, test_recall))
\copy reference_in FROM '../shared/data/campaign/reference_glm_without_raised.csv' WITH (FORMAT csv, HEADER, FORCE_NULL (estimate, std_error, z_value, p_value))
SELECT pg_temp.keep_reference('without_raised');
\copy reference_in FROM '../shared/data/campaign/reference_glm_raised_only.csv' WITH (FORMAT csv, HEADER, FORCE_NULL (estimate, std_error, z_value, p_value))
SELECT pg_temp.keep_reference('raised_only');

CREATE TEMP TABLE m (fit text PRIMARY KEY, model bytea);

----------------------------------------------------------------------------
-- Maximum likelihood, coefficient by coefficient
----------------------------------------------------------------------------

INSERT INTO m SELECT 'without_raised', lead_train("IsSuccessful", campaign, '{"reference": "first", "min_count": 1, "exclude": ["CampaignID", "RaisedAmount"]}') FROM campaign;
INSERT INTO m SELECT 'raised_only', lead_train("IsSuccessful", r, '{"min_count": 1}') FROM campaign, LATERAL (SELECT "RaisedAmount") r;
SELECT pg_temp.agrees(model, fit) FROM m ORDER BY fit;
SELECT pg_temp.scores_agree((SELECT lead_evaluate(lead_score(m.model, campaign), "IsSuccessful") FROM campaign), fit) FROM m ORDER BY fit;

----------------------------------------------------------------------------
-- Ridge on the two amounts
----------------------------------------------------------------------------

\copy ridge_in FROM '../shared/data/campaign/reference_ridge_goal_raised_standardised.csv' CSV HEADER
INSERT INTO m SELECT 'ridge', lead_train("IsSuccessful", r, '{"lambda": 1}') FROM campaign, LATERAL (SELECT "GoalAmount", "RaisedAmount") r;
CREATE TEMP TABLE ridge AS SELECT name, estimate FROM lead_coefficients((SELECT model FROM m WHERE fit = 'ridge'));
CREATE TEMP TABLE moments AS
SELECT 'GoalAmount' AS name, avg("GoalAmount"::float8) AS mean, stddev_pop("GoalAmount"::float8) AS sd FROM campaign
UNION ALL SELECT 'RaisedAmount', avg("RaisedAmount"), stddev_pop("RaisedAmount") FROM campaign;
SELECT set_eq('SELECT name FROM ridge', 'SELECT term FROM ridge_in', 'ridge: the same terms');
SELECT cmp_ok(pg_temp.far(r.estimate * s.sd, i.estimate), '<', 1e-6::float8, 'ridge: ' || name || ' per standard deviation')
FROM ridge r JOIN moments s USING (name) JOIN ridge_in i ON i.term = name ORDER BY name;
SELECT cmp_ok(pg_temp.far((SELECT estimate FROM ridge WHERE name = '(Intercept)') + sum(r.estimate * s.mean),
						  (SELECT estimate FROM ridge_in WHERE term = '(Intercept)')), '<', 1e-6::float8, 'ridge: intercept at the means')
FROM ridge r JOIN moments s USING (name);
SELECT diag('ridge: farthest estimate ' || max(pg_temp.far(r.estimate * s.sd, i.estimate))::float4)
FROM ridge r JOIN moments s USING (name) JOIN ridge_in i ON i.term = name;
-- objective, AUC, log loss of reference_ridge_summary.csv
SELECT cmp_ok(greatest(pg_temp.far((lead_info(model)->>'objective')::float8, 6877.772355923706),
					   pg_temp.far(e.auc, 0.999999529198336), pg_temp.far(e.log_loss, 0.04790671290069018)),
			  '<', 1e-8::float8, 'ridge: objective, AUC and log loss')
FROM m, LATERAL (SELECT (lead_evaluate(lead_score(model, campaign), "IsSuccessful")).* FROM campaign) e WHERE fit = 'ridge';

----------------------------------------------------------------------------
-- Separation: the two amounts together give the label away, neither does alone
----------------------------------------------------------------------------

\set amounts 'campaign, LATERAL (SELECT "GoalAmount", "RaisedAmount") r'
INSERT INTO m SELECT 'separated', lead_train("IsSuccessful", r, '{"min_count": 1}') FROM :amounts;
INSERT INTO m SELECT 'firth', lead_train("IsSuccessful", r, '{"min_count": 1, "separation": "firth"}') FROM :amounts;
SELECT is(lead_info(model)->'separation', jsonb_build_object('full', true, 'columns', '["GoalAmount", "RaisedAmount"]'::jsonb, 'handled', CASE fit WHEN 'firth' THEN 'firth' ELSE 'ridge' END),
		  fit || ': both amounts are named')
FROM m WHERE fit IN ('separated', 'firth') ORDER BY fit;
SELECT throws_ok($$ SELECT lead_train("IsSuccessful", r, '{"min_count": 1, "separation": "error"}') FROM campaign, LATERAL (SELECT "GoalAmount", "RaisedAmount") r $$,
	'22000', 'the classes are completely separated by "GoalAmount", "RaisedAmount"', 'separation: an error on request');
-- Far from the boundary a probability rounds to 0 or 1.
SELECT is((SELECT count(*) FROM (SELECT lead_score(m.model, campaign) AS s, lead_log_odds(m.model, campaign) AS o FROM campaign) x WHERE s BETWEEN 0 AND 1 AND abs(o) < 'infinity'),
		  100000::bigint, fit || ': all probabilities and log-odds finite')
FROM m WHERE fit IN ('separated', 'firth') ORDER BY fit;
SELECT ok(bool_and(abs(estimate) < 'infinity'), fit || ': all coefficients finite')
FROM (SELECT fit, (lead_coefficients(model)).* FROM m WHERE fit IN ('separated', 'firth')) x GROUP BY fit ORDER BY fit;
SELECT is(lead_info(model)->'converged', 'true'::jsonb, fit || ': converged') FROM m WHERE fit = 'separated';
SELECT is(s.coef, r.coef, 'ridge instead of separation is the fit with lambda 1')
FROM (SELECT array_agg(estimate) AS coef FROM m, lead_coefficients(model) WHERE fit = 'separated') s,
	 (SELECT array_agg(estimate) AS coef FROM m, lead_coefficients(model) WHERE fit = 'ridge') r;

-- Among all columns it is still these two that are named, and none of the noise.
INSERT INTO m SELECT 'all columns', lead_train("IsSuccessful", campaign, '{"min_count": 1, "exclude": ["CampaignID"]}') FROM campaign;
SELECT is(lead_info(model)->'separation', '{"full": true, "columns": ["GoalAmount", "RaisedAmount"], "handled": "ridge"}'::jsonb, 'all columns: the two amounts are named')
FROM m WHERE fit = 'all columns';

SET LOCAL client_min_messages = error;
SELECT is((SELECT concat_ws(' ', status, live, error) FROM lead_train_model('campaign', 'campaign', '"IsSuccessful"', key => 'CampaignID')),
	E'failed f the checks found an error\nDETAIL:  separation: the classes are completely separated by "GoalAmount", "RaisedAmount": together they determine the label.'
	|| E'\nHINT:  leadscore.checks has all. Exclude a column, insist with the option "allow", or see to the rows.', 'trained by name: nothing of it goes live');
RESET client_min_messages;

----------------------------------------------------------------------------
-- Noise stays noise
----------------------------------------------------------------------------

SELECT cmp_ok(abs(auc - 0.5), '<', 0.01::float8, 'without RaisedAmount, judged on other rows: no signal')
FROM (SELECT lead_train("IsSuccessful", campaign, '{"exclude": ["CampaignID", "RaisedAmount"]}') AS model
	  FROM campaign WHERE lead_fold("CampaignID", 5) <> 0) t,
	 LATERAL (SELECT (lead_evaluate(lead_score(t.model, campaign), "IsSuccessful")).* FROM campaign WHERE lead_fold("CampaignID", 5) = 0) e;

----------------------------------------------------------------------------
-- The same rows, the same bytes: 100,000 different numbers in a column
----------------------------------------------------------------------------

CREATE TEMP TABLE f (way text, frame leadframe, model bytea);
\set both 'lead_frame("IsSuccessful", r), lead_train("IsSuccessful", r, $o${"lambda": 1}$o$) FROM campaign, LATERAL (SELECT "GoalAmount", "RaisedAmount", "DurationDays", "Category", "NumUpdates") r'
INSERT INTO f SELECT 'as stored', :both;
INSERT INTO f SELECT 'another order', lead_frame(y, r ORDER BY h), lead_train(y, r, '{"lambda": 1}' ORDER BY h DESC)
FROM (SELECT "IsSuccessful" AS y, md5("CampaignID") AS h, "GoalAmount", "RaisedAmount", "DurationDays", "Category", "NumUpdates" FROM campaign) c,
	 LATERAL (SELECT c."GoalAmount", c."RaisedAmount", c."DurationDays", c."Category", c."NumUpdates") r;
INSERT INTO f SELECT 'pieces', frame, lead_fit(frame, '{"lambda": 1}')
FROM (SELECT lead_frame(frame) AS frame FROM (SELECT lead_frame("IsSuccessful", r) AS frame FROM campaign, LATERAL (SELECT "GoalAmount", "RaisedAmount", "DurationDays", "Category", "NumUpdates") r GROUP BY lead_fold("CampaignID", 9)) p) u;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
\set query 'SELECT ' :both
SELECT ok(pg_temp.is_parallel(:'query'), 'the aggregates run in parallel');
INSERT INTO f SELECT 'two workers', :both;
SET LOCAL parallel_leader_participation = off;
INSERT INTO f SELECT 'only workers', :both;
SELECT ok(leadframe_send(f.frame) = leadframe_send(o.frame) AND f.model = o.model, f.way || ': the same bytes of frame and model')
FROM f, f o WHERE o.way = 'as stored' AND f.way <> 'as stored' ORDER BY f.way;

SELECT * FROM finish();
ROLLBACK;
