----------------------------------------------------------------------------
-- Which options for a model of the registry?
----------------------------------------------------------------------------

-- What of a recipe's options all trials have: those that a grid does not vary.  Another
-- family than the recipe's has only those that mean the same for every family.
CREATE FUNCTION leadscore.fixed_options(spec jsonb, grid jsonb, options jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce((SELECT jsonb_object_agg(o.key, CASE o.key WHEN 'columns' THEN
				(SELECT jsonb_object_agg(c.key, c.value - ARRAY(SELECT jsonb_object_keys(coalesce(grid #> ARRAY['columns', c.key], '{}'))))
				FROM jsonb_each(o.value) AS c) ELSE o.value END)
			FROM jsonb_each(CASE WHEN (coalesce(grid, '{}') || coalesce(options, '{}')) ? 'family' THEN leadscore.common_options(spec)
				ELSE leadscore.fitting_options(spec) END) AS o
			WHERE o.key = 'columns' OR NOT coalesce(grid ? o.key, false)), '{}')
		|| coalesce(options, '{}')
$$;
COMMENT ON FUNCTION leadscore.fixed_options(jsonb, jsonb, jsonb) IS 'the options of a recipe that all trials of a tuning have';

-- A recipe with other options of the fit.
CREATE FUNCTION leadscore.tuned_spec(spec jsonb, fitting jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_set(spec, '{options}', framing || fitting || CASE WHEN framing ? 'columns' AND fitting ? 'columns'
		THEN jsonb_build_object('columns', (SELECT jsonb_object_agg(k, coalesce(framing #> ARRAY['columns', k], '{}') || coalesce(fitting #> ARRAY['columns', k], '{}'))
			FROM jsonb_object_keys((framing->'columns') || (fitting->'columns')) AS k)) ELSE '{}' END)
	FROM leadscore.framing_options(spec) AS framing
$$;
COMMENT ON FUNCTION leadscore.tuned_spec(jsonb, jsonb) IS 'a recipe with other options of the fit';

-- Write the trials of a tuning as runs, children of its run as MLflow has them.
CREATE FUNCTION leadscore.put_trials(parent uuid, name text, spec jsonb, metric text, trials jsonb,
	OUT trial integer, OUT run uuid)
RETURNS SETOF record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	t jsonb;
	numbers jsonb;
	keys text[] := '{mean,standard_error,auc,log_loss,brier,folds_done,rank,rung,resource_used,ms}';
BEGIN
	FOR t IN SELECT e.value FROM jsonb_array_elements(trials) AS e ORDER BY (e.value->>'trial')::integer LOOP
		trial := t->>'trial';
		run := leadscore.start_run(name, 'tune', leadscore.tuned_spec(spec, t->'options_used')
			|| jsonb_build_object('tuning', jsonb_build_object('trial', trial, 'metric', metric)), NULL, leadscore.last_experiment(name),
			jsonb_build_object('mlflow.parentRunId', leadscore.run_uuid(parent)) || CASE WHEN (t->>'chosen')::boolean THEN '{"chosen": "true"}'::jsonb ELSE '{}' END);
		PERFORM leadscore.put_metrics(run, 'cv.', t, keys);
		UPDATE leadscore.runs AS r SET ended_at = clock_timestamp(), error = t->>'note',
			status = CASE WHEN t->'note' = 'null' THEN 'finished' ELSE 'failed' END WHERE r.run_id = run;
		IF (t->>'chosen')::boolean THEN
			PERFORM leadscore.put_metrics(parent, 'cv.', t, keys);
		END IF;
		RETURN NEXT;
	END LOOP;
	UPDATE leadscore.runs AS r SET ended_at = clock_timestamp(), status = 'finished' WHERE r.run_id = parent;
END;
$$;
COMMENT ON FUNCTION leadscore.put_trials(uuid, text, jsonb, text, jsonb) IS 'the trials of a tuning as runs';

-- lead_tune(name, grid, …): the same for a model of the registry, on the rows that its
-- recipe trains on; those that it holds out are left for the judge.
-- options		over those of the recipe, which the grid replaces
-- folds_by		'time' takes the recipe's time column
-- register		train the next version by the options chosen, as lead_retrain() would
-- adopt		as for lead_retrain()
-- returns		the same, and run_id: each trial is a run of action 'tune', whose tag
--				mlflow.parentRunId names the run of the tuning; version: in the row chosen,
--				what was registered
-- NULL			no name: no rows
-- errors		those of a frame; a source that cannot be read; a recipe that another role wrote
CREATE FUNCTION lead_tune(name text, grid jsonb DEFAULT NULL, options jsonb DEFAULT NULL, method text DEFAULT 'grid',
	folds integer DEFAULT 5, seed bigint DEFAULT 0, folds_by text DEFAULT NULL, metric text DEFAULT 'log_loss',
	one_se boolean DEFAULT false, trials integer DEFAULT NULL, budget interval DEFAULT NULL, resource text DEFAULT NULL,
	threshold float8 DEFAULT 0.5, register boolean DEFAULT false, adopt boolean DEFAULT false,
	OUT trial integer, OUT rank integer, OUT chosen boolean, OUT options_used jsonb, OUT mean float8, OUT standard_error float8,
	OUT auc float8, OUT log_loss float8, OUT brier float8, OUT folds_done integer, OUT rung integer, OUT resource_used float8,
	OUT ms float8, OUT note text, OUT run_id uuid, OUT version integer)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE COST 10000000 ROWS 20
AS $$
#variable_conflict use_column
DECLARE
	spec pg_catalog.jsonb;
	fixed pg_catalog.jsonb;
	parent pg_catalog.uuid;
	found pg_catalog.jsonb;
	runs pg_catalog.jsonb;
	registered pg_catalog.int4;
BEGIN
	IF $1 IS NULL THEN
		RETURN;
	END IF;
	PERFORM leadscore.lock($1);	-- before the recipe is read: the model may be about to go
	spec := leadscore.last_spec($1, $15);
	fixed := leadscore.fixed_options(spec, $2, $3);
	parent := leadscore.start_run($1, 'tune', spec OPERATOR(pg_catalog.||) pg_catalog.jsonb_build_object('tuning', pg_catalog.jsonb_strip_nulls(
		pg_catalog.jsonb_build_object('grid', COALESCE($2, leadscore.default_grid(fixed)), 'options', fixed, 'method', $4, 'folds', $5, 'seed', $6, 'folds_by', $7,
			'metric', $8, 'one_se', $9, 'trials', $10, 'budget', $11, 'resource', $12))), NULL, leadscore.last_experiment($1), NULL);
	found := (SELECT pg_catalog.jsonb_agg(pg_catalog.to_jsonb(t)) FROM @extschema@.lead_tune(
		leadscore.recipe_frame($1, spec, $7), $2, fixed, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) AS t);
	IF found IS NULL THEN
		RAISE EXCEPTION 'there are no rows to tune model "%" on', $1 USING ERRCODE = 'data_exception';
	END IF;
	runs := (SELECT pg_catalog.jsonb_object_agg(p.trial, p.run) FROM leadscore.put_trials(parent, $1, spec, $8, found) AS p);
	IF $14 THEN
		registered := (leadscore.train($1, 'retrain', leadscore.tuned_spec(spec, (SELECT t.value OPERATOR(pg_catalog.->) 'options_used'
			FROM pg_catalog.jsonb_array_elements(found) AS t WHERE (t.value OPERATOR(pg_catalog.->>) 'chosen')::pg_catalog.bool)),
			'tuned', leadscore.last_experiment($1), pg_catalog.jsonb_build_object('tuning', leadscore.run_uuid(parent)))).version;
	END IF;
	RETURN QUERY SELECT f.trial, f.rank, f.chosen, f.options_used, f.mean, f.standard_error, f.auc, f.log_loss, f.brier, f.folds_done,
		f.rung, f.resource_used, f.ms, f.note, (runs OPERATOR(pg_catalog.->>) f.trial::pg_catalog.text)::pg_catalog.uuid, CASE WHEN f.chosen THEN registered END
	FROM pg_catalog.jsonb_to_recordset(found) AS f(trial pg_catalog.int4, rank pg_catalog.int4, chosen pg_catalog.bool, options_used pg_catalog.jsonb,
		mean pg_catalog.float8, standard_error pg_catalog.float8, auc pg_catalog.float8, log_loss pg_catalog.float8, brier pg_catalog.float8,
		folds_done pg_catalog.int4, rung pg_catalog.int4, resource_used pg_catalog.float8, ms pg_catalog.float8, note pg_catalog.text)
	ORDER BY f.rank, f.trial;
END;
$$;
COMMENT ON FUNCTION lead_tune(text, jsonb, jsonb, text, integer, bigint, text, text, boolean, integer, interval, text, float8, boolean, boolean) IS
'options tried for a model of the registry, each as a run; the chosen ones make the next version if asked for';
