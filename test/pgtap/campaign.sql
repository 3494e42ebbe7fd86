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
SELECT plan(40);

CREATE TEMP TABLE campaign ("CampaignID" text, "GoalAmount" int, "RaisedAmount" float8, "DurationDays" int,
	"NumBackers" int, "Category" text, "LaunchMonth" text, "Country" text, "Currency" text,
	"OwnerExperience" int, "VideoIncluded" text, "SocialMediaPresence" int, "NumUpdates" int, "IsSuccessful" int);
\copy campaign FROM PROGRAM 'zcat ../shared/data/campaign/campaign_data.csv.gz' CSV HEADER
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
SELECT pg_temp.scores_agree(lead_evaluate(lead_score(model, campaign), "IsSuccessful"), fit) FROM m, campaign GROUP BY fit ORDER BY fit;

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
SELECT ok(count(*) = 100000 AND bool_and(s >= 0 AND s <= 1) AND bool_and(abs(o) < 'infinity'), fit || ': all probabilities and log-odds finite')
FROM (SELECT fit, lead_score(model, campaign) AS s, lead_log_odds(model, campaign) AS o FROM m, campaign WHERE fit IN ('separated', 'firth')) x
GROUP BY fit ORDER BY fit;
SELECT ok(bool_and(abs(estimate) < 'infinity'), fit || ': all coefficients finite')
FROM (SELECT fit, (lead_coefficients(model)).* FROM m WHERE fit IN ('separated', 'firth')) x GROUP BY fit ORDER BY fit;
SELECT is(lead_info(model)->'converged', 'true'::jsonb, fit || ': converged') FROM m WHERE fit = 'separated';
SELECT is(s.coef, r.coef, 'ridge instead of separation is the fit with lambda 1')
FROM (SELECT array_agg(estimate) AS coef FROM m, lead_coefficients(model) WHERE fit = 'separated') s,
	 (SELECT array_agg(estimate) AS coef FROM m, lead_coefficients(model) WHERE fit = 'ridge') r;

-- All columns: the separation is still found, and named by the amounts alone or with more.
INSERT INTO m SELECT 'all columns', lead_train("IsSuccessful", campaign, '{"min_count": 1, "exclude": ["CampaignID"]}') FROM campaign;
SELECT ok(lead_info(model)->'separation'->'columns' @> '["GoalAmount", "RaisedAmount"]'
		  AND (lead_info(model)->'separation'->>'full')::bool, 'all columns: separation found, the amounts among the named')
FROM m WHERE fit = 'all columns';
SELECT diag('all columns: named ' || (lead_info(model)->'separation'->'columns')::text) FROM m WHERE fit = 'all columns';

----------------------------------------------------------------------------
-- Noise stays noise
----------------------------------------------------------------------------

SELECT cmp_ok(abs(auc - 0.5), '<', 0.01::float8, 'without RaisedAmount, judged on other rows: no signal')
FROM (SELECT lead_train("IsSuccessful", campaign, '{"exclude": ["CampaignID", "RaisedAmount"]}') AS model
	  FROM campaign WHERE lead_fold("CampaignID", 5) <> 0) t,
	 LATERAL (SELECT (lead_evaluate(lead_score(t.model, campaign), "IsSuccessful")).* FROM campaign WHERE lead_fold("CampaignID", 5) = 0) e;

SELECT * FROM finish();
ROLLBACK;
