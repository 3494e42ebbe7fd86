-- Policies and recalibrations: what they say, and what they refuse.
SET client_min_messages = warning;
SET timezone = 'UTC';
\pset format unaligned
\pset null (null)
\set SHOW_CONTEXT never

-- policies
SELECT lead_set_policy('nobody', '{"score_drift": true}');
CREATE TABLE pleads AS SELECT i AS id, date '2020-01-01' + i / 10 AS created, i % 7 AS visits,
	CASE i % 3 WHEN 0 THEN 'web' WHEN 1 THEN 'mail' END AS source, (i * 7919 % 101) < 20 + 8 * (i % 7) AS won FROM generate_series(1, 1500) AS i;
SELECT status, live FROM lead_train_model('pleads', 'pleads', 'won', time_column => 'created', exclude => '{id}');
SELECT lead_retrain_if_needed('pleads');
SELECT lead_set_policy('pleads', '{}');
SELECT lead_set_policy('pleads', '{"score_drift": false, "cooldown": "1 day"}');
SELECT lead_set_policy('pleads', '{"drift": 0.5}');
SELECT lead_set_policy('pleads', '["drift_share"]');
SELECT lead_set_policy('pleads', '{"drift_share": 2}');
SELECT lead_set_policy('pleads', '{"score_drift": "yes"}');
SELECT lead_set_policy('pleads', '{"max_age": "soon"}');
SELECT lead_set_policy('pleads', '{"max_age": "-1 days"}');
SELECT lead_set_policy('pleads', '{"max_age": 30}');
SELECT lead_set_policy('pleads', '{"new_outcomes": 1.5}');
SELECT lead_set_policy('pleads', '{"new_outcomes": 10, "combine": "some"}');
SELECT lead_set_policy('pleads', '{"new_outcomes": 10, "ladder": "no"}');
SELECT lead_set_policy('pleads', '{"new_outcomes": 10, "half_life": "30 days"}');
SELECT lead_set_policy('pleads', '{"new_outcomes": 10, "cooldown": null}');
SELECT policy, created_by = current_user AS mine FROM leadscore.policies;
SELECT decision, step, reasons, version FROM lead_retrain_if_needed('pleads');
SELECT decision, reasons, numbers->'policy' AS policy, numbers->'champion' AS champion, numbers #> '{figures,new_outcomes}' AS new_outcomes FROM leadscore.decisions;
SELECT lead_set_policy('pleads', NULL);
SELECT count(*) FROM leadscore.policies;
SELECT lead_set_policy('pleads', '{"score_drift": true}') IS NOT NULL AS again;
SELECT version FROM lead_drop_alias('pleads', 'champion');
SELECT lead_retrain_if_needed('pleads');
CALL lead_run_job('pleads', 'automatic');

-- recalibrations
CREATE TABLE pm AS SELECT lead_model('pleads', 1) AS model,
	(SELECT lead_frame(won, r) FROM (SELECT visits, source, i * 31 % 97 < 10 + 3 * visits AS won FROM (SELECT i, i % 7 AS visits, CASE i % 3 WHEN 0 THEN 'web' WHEN 1 THEN 'mail' END AS source
		FROM generate_series(1, 900) AS i) AS q) AS r) AS frame;
SELECT n, positives, df_full, step, separated FROM pm, lead_ladder(model, frame);
SELECT lead_summary(lead_recalibrate(model, frame, 'intercept')) FROM pm;
SELECT lead_summary(lead_recalibrate(lead_recalibrate(model, frame, 'intercept'), frame, 'slope')) FROM pm;
SELECT lead_ladder(NULL::bytea, frame) IS NULL AS null_model, lead_recalibrate(model, NULL, 'slope') IS NULL AS null_frame FROM pm;
SELECT lead_recalibrate(model, frame, 'full') FROM pm;
SELECT lead_ladder(model, frame, 0) FROM pm;
SELECT lead_ladder(model, (SELECT lead_frame(true, r) FROM pleads AS r)) FROM pm;
SELECT lead_ladder(model, (SELECT lead_frame(NULL::boolean, r) FROM pleads AS r)) FROM pm;
SELECT lead_ladder(model, (SELECT lead_frame(won, r) FROM (SELECT won, visits FROM pleads) AS r)) FROM pm;
SELECT lead_ladder(model, (SELECT lead_frame(won, r) FROM (SELECT won, visits::text AS visits, source FROM pleads) AS r)) FROM pm;
SELECT lead_ladder('\x00'::bytea, frame) FROM pm;
SELECT lead_ladder((SELECT lead_train(won, r, '{"unseen": "error"}') FROM (SELECT won, visits, source FROM pleads) AS r),
	(SELECT lead_frame(won, r) FROM (SELECT won, visits, 'radio' AS source FROM pleads) AS r));
SELECT lead_ladder((SELECT lead_train(won, r, '{"offset": "o"}') FROM (SELECT won, visits, 0.5 AS o FROM pleads) AS r),
	(SELECT lead_frame(won, r) FROM (SELECT won, visits, NULLIF(visits, 3)::numeric AS o FROM pleads) AS r));

SELECT lead_drop_model('pleads');
SELECT count(*) FROM leadscore.decisions;
DROP TABLE pleads, pm;
