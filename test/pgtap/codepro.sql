-- CodePro: 24,991 leads, will a lead complete the application?
--
-- References: reference_glm_*.csv (Newton in R 4.2, treatment contrasts, base
-- level = first level by bytes; city_tier as a factor) and reference_ridge_*.csv
-- (Python, checked against scikit-learn's newton-cholesky; a column for every
-- level, nothing standardised, λ = 1, city_tier as a factor).
BEGIN;
\set here `test -r ../shared/data/codepro/model_input.csv.gz && echo true || echo false`
\if :here
\else
CREATE EXTENSION IF NOT EXISTS pgtap;
SELECT plan(1);
SELECT skip('../shared/data/codepro is not here');
SELECT * FROM finish();
ROLLBACK;
\q
\endif
\ir lib/reference.psql
SELECT plan(69);

-- An ordinary table: workers cannot read a temporary one.
CREATE TABLE codepro_input (lead_id int, created_date timestamp, city_tier int,
	first_platform_c text, first_utm_medium_c text, first_utm_source_c text,
	total_leads_droppped int, referred_lead int, assistance_interaction int,
	career_interaction int, payment_interaction int, social_interaction int,
	syllabus_interaction int, app_complete_flag int, split text);
\copy codepro_input FROM PROGRAM 'zcat ../shared/data/codepro/model_input.csv.gz' CSV HEADER
ANALYZE codepro_input;

\copy reference_summary FROM '../shared/data/codepro/reference_glm_summary.csv' WITH (FORMAT csv, HEADER, FORCE_NULL (test_n, test_auc, test_logloss, test_accuracy, test_precision, test_recall))
\copy reference_in FROM '../shared/data/codepro/reference_glm_all_rows.csv' WITH (FORMAT csv, HEADER, FORCE_NULL (estimate, std_error, z_value, p_value))
SELECT pg_temp.keep_reference('all_rows');
\copy reference_in FROM '../shared/data/codepro/reference_glm_train_split_no_medium.csv' WITH (FORMAT csv, HEADER, FORCE_NULL (estimate, std_error, z_value, p_value))
SELECT pg_temp.keep_reference('train_split_no_medium');

-- The six columns of the references as a row r, without medium as a row s.
\set six 'codepro_input i, LATERAL (SELECT total_leads_droppped, referred_lead, city_tier, first_platform_c, first_utm_medium_c, first_utm_source_c) r'
\set five 'codepro_input i, LATERAL (SELECT total_leads_droppped, referred_lead, city_tier, first_platform_c, first_utm_source_c) s'
\set factors '{"reference": "first", "min_count": 1, "columns": {"city_tier": {"as": "categorical"}}}'
CREATE TEMP TABLE m (fit text PRIMARY KEY, model bytea);

----------------------------------------------------------------------------
-- Maximum likelihood, coefficient by coefficient
----------------------------------------------------------------------------

INSERT INTO m SELECT 'all_rows', lead_train(app_complete_flag, r, :'factors') FROM :six;
SELECT pg_temp.agrees(model, fit) FROM m WHERE fit = 'all_rows';
SELECT pg_temp.scores_agree(lead_evaluate(lead_score((SELECT model FROM m WHERE fit = 'all_rows'), r), app_complete_flag), 'all_rows')
FROM :six;

INSERT INTO m SELECT 'train_split_no_medium', lead_train(app_complete_flag, s, :'factors') FROM :five WHERE split = 'train';
SELECT pg_temp.agrees(model, fit) FROM m WHERE fit = 'train_split_no_medium';
SELECT pg_temp.scores_agree(lead_evaluate(lead_score((SELECT model FROM m WHERE fit = 'train_split_no_medium'), s), app_complete_flag), 'train_split_no_medium')
FROM :five WHERE split = 'train';
SELECT cmp_ok(greatest(pg_temp.far(e.auc, s.test_auc), pg_temp.far(e.log_loss, s.test_logloss),
					   pg_temp.far(e.accuracy, s.test_accuracy), pg_temp.far(e.precision, s.test_precision),
					   pg_temp.far(e.recall, s.test_recall), pg_temp.far(e.n, s.test_n)),
			  '<', 1e-10::float8, 'train_split_no_medium: judged on the test split')
FROM reference_summary s,
	 (SELECT (lead_evaluate(lead_score((SELECT model FROM m WHERE fit = 'train_split_no_medium'), s), app_complete_flag)).*
	  FROM :five WHERE split = 'test') e
WHERE s.model = 'train_split_no_medium';

----------------------------------------------------------------------------
-- Ridge: λ = 1, a column for every level, raw scale
----------------------------------------------------------------------------

\copy ridge_in FROM '../shared/data/codepro/reference_ridge_train_split_onehot.csv' CSV HEADER
INSERT INTO m SELECT 'ridge', lead_train(app_complete_flag, r,
	:'factors'::jsonb - 'reference' || '{"lambda": 1, "standardize": false}') FROM :six WHERE split = 'train';
CREATE TEMP TABLE ridge AS SELECT name, estimate, std_error, p FROM lead_coefficients((SELECT model FROM m WHERE fit = 'ridge'));
SELECT set_eq('SELECT name FROM ridge', 'SELECT term FROM ridge_in', 'ridge: the same terms');
SELECT cmp_ok(max(pg_temp.far(r.estimate, i.estimate)), '<', 1e-6::float8, 'ridge: estimates')
FROM ridge r JOIN ridge_in i ON r.name = i.term;
SELECT diag('ridge: farthest estimate ' || max(pg_temp.far(r.estimate, i.estimate))::float4)
FROM ridge r JOIN ridge_in i ON r.name = i.term;
SELECT ok(bool_and(std_error > 0) AND bool_and(p IS NULL), 'ridge: standard errors, no p') FROM ridge;
-- objective, AUC, log loss … of reference_ridge_summary.csv
SELECT cmp_ok(pg_temp.far((lead_info(model)->>'objective')::float8, 10900.613201874474), '<', 1e-10::float8, 'ridge: objective')
FROM m WHERE fit = 'ridge';
SELECT cmp_ok(greatest(pg_temp.far(e.auc, 0.7893132452981193), pg_temp.far(e.log_loss, 0.538279491505192),
					   pg_temp.far(e.accuracy, 0.7161432286457291), pg_temp.far(e.precision, 0.6859305125558995),
					   pg_temp.far(e.recall, 0.7976), pg_temp.far(e.n, 4999)),
			  '<', 1e-7::float8, 'ridge: judged on the test split')
FROM (SELECT (lead_evaluate(lead_score((SELECT model FROM m WHERE fit = 'ridge'), r), app_complete_flag)).*
	  FROM :six WHERE split = 'test') e;

----------------------------------------------------------------------------
-- Separation: in the train split all leads of medium Level1 went one way
----------------------------------------------------------------------------

INSERT INTO m SELECT 'separated', lead_train(app_complete_flag, r, :'factors') FROM :six WHERE split = 'train';
INSERT INTO m SELECT 'firth', lead_train(app_complete_flag, r, :'factors'::jsonb || '{"separation": "firth"}') FROM :six WHERE split = 'train';
SELECT is(lead_info(model)->'separation', '{"full": false, "columns": ["first_utm_medium_c=Level1"], "handled": "ridge"}'::jsonb, 'separation: Level1 of the medium, ridge instead')
FROM m WHERE fit = 'separated';
SELECT is(lead_info(model)->'separation', '{"full": false, "columns": ["first_utm_medium_c=Level1"], "handled": "firth"}'::jsonb, 'separation: Firth on request')
FROM m WHERE fit = 'firth';
PREPARE with_error AS SELECT lead_train(app_complete_flag, r, :'factors'::jsonb || '{"separation": "error"}') FROM :six WHERE split = 'train';
SELECT throws_ok('with_error', '22000', 'the classes are partly separated by "first_utm_medium_c=Level1"', 'separation: an error on request');
-- On all columns, whose interaction sums have long tails, Firth's scoring is slow, but gets there.
SELECT is(lead_info(lead_train(app_complete_flag, c, '{"firth": true, "exclude": ["lead_id", "created_date", "split"]}'))->>'converged', 'true', 'Firth converges on long tails')
FROM codepro_input c;
SELECT is((SELECT count(*) FROM :six WHERE lead_score(model, r) > 0 AND lead_score(model, r) < 1), 24991::bigint, fit || ' instead of separation: all probabilities finite')
FROM m WHERE fit IN ('separated', 'firth') ORDER BY fit;
SELECT is(array_agg(s.estimate ORDER BY s.name), array_agg(l.estimate ORDER BY l.name), 'ridge instead of separation is the fit with lambda 1')
FROM lead_coefficients((SELECT model FROM m WHERE fit = 'separated')) s
FULL JOIN lead_coefficients((SELECT lead_train(app_complete_flag, r, :'factors'::jsonb - 'reference' || '{"lambda": 1}') FROM :six WHERE split = 'train')) l USING (name);
SELECT ok(bool_and(std_error > 0 AND p IS NULL) , 'ridge instead of separation: errors without p')
FROM lead_coefficients((SELECT model FROM m WHERE fit = 'separated'));
-- Both the reference and this one leave the likelihood's supremum a little behind.
SELECT cmp_ok((lead_info(model)->>'deviance')::float8, '>', 21721.981337487698::float8, fit || ' instead of separation: deviance above the infimum')
FROM m WHERE fit IN ('separated', 'firth') ORDER BY fit;

----------------------------------------------------------------------------
-- How good: trained on one part, judged on the other
----------------------------------------------------------------------------

CREATE TEMP TABLE judged AS
SELECT (lead_evaluate(lead_score(model, r), app_complete_flag)).*
FROM (SELECT lead_train(app_complete_flag, r) AS model FROM :six WHERE split = 'train') t, :six
WHERE split = 'test';
SELECT cmp_ok(auc, '>=', 0.788::float8, 'columns of model_input, defaults: AUC') FROM judged;
SELECT ok(auc > 0.75 AND precision > 0.65 AND recall > 0.75, 'columns of model_input, defaults: business targets at 0.5') FROM judged;
SELECT diag(format('model_input: AUC %s, precision %s, recall %s', round(auc::numeric, 4), round(precision::numeric, 4), round(recall::numeric, 4))) FROM judged;

-- The raw file as it is, the most natural call: all columns, label and key among them.
\ir ../demo/codepro_pipeline.sql
ALTER TABLE codepro_raw RENAME TO raw;
\copy raw FROM PROGRAM 'zcat ../shared/data/codepro/leadscoring.csv.gz' CSV HEADER
-- Linear in every number it has an AUC of 0.8021 on these rows, in scikit-learn 1.2.1
-- (newton-cholesky, C = 1, the same encoding: 0.802086) as here; the mean of the five folds
-- lead_id % 5 is 0.8014 there.  What lies above 0.805 needs the number of leads dropped
-- bent: its logarithm (0.8089 there) or its values as levels (0.8140).
CREATE TEMP TABLE raw_judged (way text PRIMARY KEY, options jsonb);
INSERT INTO raw_judged VALUES ('linear', '{"lambda": 1}'),
	('log1p', '{"lambda": 1, "columns": {"total_leads_droppped": {"transform": "log1p"}}}'),
	('levels', '{"lambda": 1, "columns": {"total_leads_droppped": {"as": "categorical"}}}');
INSERT INTO m SELECT 'raw', lead_train(app_complete_flag, raw, '{"lambda": 1}') FROM raw WHERE lead_id % 5 <> 0;
CREATE TEMP TABLE raw_eval AS
SELECT j.way, (e.e).* FROM raw_judged j,
	LATERAL (SELECT lead_train(app_complete_flag, raw, j.options) AS model FROM raw WHERE lead_id % 5 <> 0) t,
	LATERAL (SELECT lead_evaluate(lead_score(t.model, raw), app_complete_flag) AS e FROM raw WHERE lead_id % 5 = 0) e;
SELECT cmp_ok(abs(auc - 0.802086), '<', 0.0001::float8, 'raw columns, linear: AUC as in scikit-learn') FROM raw_eval WHERE way = 'linear';
SELECT cmp_ok(auc, '>=', 0.805::float8, 'raw columns, ' || way || ': AUC') FROM raw_eval WHERE way <> 'linear' ORDER BY way;
SELECT ok(auc > 0.75 AND precision > 0.65 AND recall > 0.75, 'raw columns, ' || way || ': business targets at 0.5') FROM raw_eval ORDER BY way;
SELECT diag(format('raw, %s: AUC %s, precision %s, recall %s', way, round(auc::numeric, 4), round(precision::numeric, 4), round(recall::numeric, 4))) FROM raw_eval ORDER BY way;
SELECT set_has($$ SELECT o->>'column' AS c, o->>'reason' AS r FROM m, jsonb_array_elements(lead_info(model)->'left_out') o WHERE fit = 'raw' $$,
	$$ VALUES ('lead_id', 'identifier'), ('created_date', 'time'), ('app_complete_flag', 'label'), ('call_us_button_clicked', 'constant') $$,
	'raw columns: key, time, label and empty columns left out');
-- Unpenalised on raw columns, whose level counts invite separation: still a model.
INSERT INTO m SELECT 'raw unpenalised', lead_train(app_complete_flag, raw) FROM raw WHERE lead_id % 5 <> 0;
SELECT ok(bool_and(lead_score(model, raw) > 0 AND lead_score(model, raw) < 1), 'raw columns, all defaults: all probabilities finite')
FROM raw, m WHERE fit = 'raw unpenalised';
SELECT is(bool_and(pg_temp.far((lead_score((SELECT model FROM m WHERE fit = 'raw'), raw)),
							   lead_score((SELECT model FROM m WHERE fit = 'raw'), to_jsonb(raw))) = 0), true, 'raw columns: the document scores as the row')
FROM (SELECT raw FROM raw LIMIT 500) r(raw);

----------------------------------------------------------------------------
-- The same rows, the same bytes
----------------------------------------------------------------------------

CREATE TEMP TABLE frames AS SELECT 'as stored' AS way, lead_frame(app_complete_flag, r) AS frame FROM :six;
INSERT INTO frames SELECT 'another order', lead_frame(app_complete_flag, r ORDER BY md5(lead_id::text)) FROM :six;
INSERT INTO frames SELECT 'backwards', lead_frame(app_complete_flag, r ORDER BY lead_id DESC) FROM :six;
INSERT INTO frames SELECT 'pieces, aggregate', lead_frame(frame) FROM (SELECT lead_frame(app_complete_flag, r) AS frame FROM :six GROUP BY lead_id % 7) p;
INSERT INTO frames SELECT 'pieces, operator', a || (b || c) FROM
	(SELECT lead_frame(app_complete_flag, r) FILTER (WHERE lead_id % 3 = 0) AS a, lead_frame(app_complete_flag, r) FILTER (WHERE lead_id % 3 = 1) AS b,
			lead_frame(app_complete_flag, r) FILTER (WHERE lead_id % 3 = 2) AS c FROM :six) p;
INSERT INTO frames SELECT 'columns', lead_frame_columns(app_complete_flag, '{"names": ["total_leads_droppped", "referred_lead", "city_tier", "first_platform_c", "first_utm_medium_c", "first_utm_source_c"]}',
	total_leads_droppped, referred_lead, city_tier, first_platform_c, first_utm_medium_c, first_utm_source_c) FROM codepro_input;
INSERT INTO frames SELECT 'through text', frame::text::leadframe FROM frames WHERE way = 'as stored';

SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
\set frame_query 'SELECT lead_frame(app_complete_flag, r) FROM ' :six
\set train_query 'SELECT lead_train(app_complete_flag, r, $o$' :factors '$o$) FROM ' :six
SELECT ok(pg_temp.is_parallel(:'frame_query'), 'lead_frame aggregates in parallel');
SELECT ok(pg_temp.is_parallel(:'train_query'), 'lead_train aggregates in parallel');
INSERT INTO frames SELECT 'two workers', (:frame_query);
INSERT INTO m SELECT 'two workers', (:train_query);
SET LOCAL parallel_leader_participation = off;
INSERT INTO frames SELECT 'only workers', (:frame_query);
INSERT INTO m SELECT 'only workers', (:train_query);
SET LOCAL max_parallel_workers_per_gather = 0;
SELECT ok(NOT pg_temp.is_parallel(:'train_query'), 'and without workers');
INSERT INTO frames SELECT 'no worker', (:frame_query);
INSERT INTO m SELECT 'no worker', (:train_query);

SELECT is(leadframe_send(f.frame) = leadframe_send(o.frame), true, 'frame, ' || f.way || ': the same bytes')
FROM frames f, frames o WHERE o.way = 'as stored' AND f.way <> 'as stored' ORDER BY f.way;

INSERT INTO m SELECT 'another order', lead_train(app_complete_flag, r, :'factors' ORDER BY md5(lead_id::text)) FROM :six;
INSERT INTO m SELECT 'from the frame', lead_fit(frame, :'factors') FROM frames WHERE way = 'pieces, aggregate';
SELECT is(f.model = o.model, true, 'model, ' || f.fit || ': the same bytes')
FROM m f, m o WHERE o.fit = 'all_rows' AND f.fit IN ('two workers', 'only workers', 'no worker', 'another order', 'from the frame') ORDER BY f.fit;
-- The options as given are in the model, the names among them: all else is the same.
SELECT is(lead_info(model) #- '{options}' #- '{bytes}', (SELECT lead_info(model) #- '{options}' #- '{bytes}' FROM m WHERE fit = 'all_rows'), 'model by columns: the same')
FROM (SELECT lead_train_columns(app_complete_flag, :'factors'::jsonb || '{"names": ["total_leads_droppped", "referred_lead", "city_tier", "first_platform_c", "first_utm_medium_c", "first_utm_source_c"]}',
	total_leads_droppped, referred_lead, city_tier, first_platform_c, first_utm_medium_c, first_utm_source_c) AS model FROM codepro_input) c;

SELECT * FROM finish();
ROLLBACK;
