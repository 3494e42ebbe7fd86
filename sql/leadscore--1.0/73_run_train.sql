-- The recipe of a training from what lead_train_model() was asked for.
CREATE FUNCTION leadscore.recipe_of(name text, source text, label text, features text[], exclude text[], key text, time_column text,
	options jsonb, holdout jsonb, gate jsonb, refit boolean, tags jsonb)
RETURNS jsonb
LANGUAGE plpgsql
AS $$
DECLARE
	resolved record;
	labelled record;
	spec pg_catalog.jsonb;
BEGIN
	PERFORM leadscore.check_name(name);
	IF source IS NULL OR label IS NULL THEN
		RAISE EXCEPTION 'source and label must not be null' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF pg_catalog.jsonb_typeof(tags) OPERATOR(pg_catalog.<>) 'object' THEN
		RAISE EXCEPTION 'tags must be a JSON object' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Write {"key": "value", …}.';
	END IF;
	SELECT * INTO resolved FROM leadscore.resolve_source(source);
	SELECT * INTO labelled FROM leadscore.resolve_expression(resolved.relation, label);
	spec := leadscore.make_spec(resolved.relation, resolved.source, resolved.is_query, labelled.expression,
		labelled.type, labelled.columns,
		pg_catalog.jsonb_build_object('source', source, 'label', label), features, exclude, key, time_column, options,
		holdout, gate, refit);
	IF resolved.is_query THEN
		DROP VIEW pg_temp."leadscore source";
	END IF;
	RETURN pg_catalog.jsonb_set(spec, '{settings}', leadscore.current_settings());
END;
$$;
COMMENT ON FUNCTION leadscore.recipe_of(text, text, text, text[], text[], text, text, jsonb, jsonb, jsonb, boolean, jsonb) IS
'a recipe from what a user asked for';

-- lead_train_model(name, source, label, …): the next version of a named model.
-- name			of the model; new, or one that is there
-- source		a table or view, or the text of one SELECT
-- label		a column of the source, or a condition on its columns
-- features		columns to learn from; default all but those below
-- exclude		columns to leave out
-- key			the column that tells one lead from another; default the primary key
-- time_column	the column that tells when a lead was created
-- options		of encoding and fit, as for lead_train()
-- holdout		{"by": "key" | "time" | "group" | "column" | "none", "column": …,
--				"share": 0.2, "seed": 0}; default: the latest fifth where a time
--				column is named, else a fifth by hash of the key
-- gate			{"min_auc", "min_precision", "min_recall", "max_log_loss",
--				"threshold": 0.5, "margin": 0.01, "log_loss_ratio": 1.01,
--				"promote": "passed" | "always" | "never", "too_few": "keep" |
--				"promote", "min_rows": 50, "min_positives": 10}
-- refit		publish a model of all rows instead of the one that was judged
-- returns		one row; status is "failed" where the training failed, which is
--				recorded and a WARNING
-- errors		what can't be understood: an unknown source, column, option
CREATE FUNCTION lead_train_model(name text, source text, label text, features text[] DEFAULT NULL, exclude text[] DEFAULT NULL,
	key text DEFAULT NULL, time_column text DEFAULT NULL, options jsonb DEFAULT NULL, holdout jsonb DEFAULT NULL,
	gate jsonb DEFAULT NULL, refit boolean DEFAULT false, description text DEFAULT NULL, experiment text DEFAULT NULL,
	tags jsonb DEFAULT NULL)
RETURNS lead_run
LANGUAGE plpgsql
AS $$
BEGIN
	RETURN leadscore.train(name, 'train', leadscore.recipe_of(name, source, label, features, exclude, key, time_column, options, holdout,
		gate, refit, tags), description, experiment, tags);
END;
$$;
COMMENT ON FUNCTION lead_train_model(text, text, text, text[], text[], text, text, jsonb, jsonb, jsonb, boolean, text, text, jsonb) IS
'train the next version of a named model, judge it on rows held out, and let the gate decide whether it goes live';

CREATE FUNCTION leadscore.check_name(name text)
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF name IS NULL OR name = '' OR length(name) > 200 OR name ~ '[@[:cntrl:]]' OR name LIKE '\\x%' THEN
		RAISE EXCEPTION 'invalid name of a model: "%"', coalesce(name, '(null)') USING ERRCODE = 'invalid_name',
			DETAIL = 'A name has 1 to 200 characters, no @ and no control characters, and does not begin with \x.';
	END IF;
END;
$$;

-- What another role wrote is run with the rights of whoever runs it: an error
-- unless its author has these rights anyway, or is one who gives them out.
-- Authors are what current_user was; trainers cannot write them.
CREATE FUNCTION leadscore.check_author(what text, author text, hint text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF author = current_user OR EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = author
		AND (pg_has_role(r.oid, current_user, 'MEMBER') OR has_schema_privilege(r.oid, 'leadscore', 'USAGE WITH GRANT OPTION'))) THEN
		RETURN;
	END IF;
	RAISE EXCEPTION '% was written by role "%"', what, author USING ERRCODE = 'insufficient_privilege',
		DETAIL = format('It would run with the rights of role "%s".', current_user), HINT = hint;
END;
$$;
COMMENT ON FUNCTION leadscore.check_author(text, text, text) IS 'an error where another role''s recipe would run with more rights than that role has';

-- Has the current role trained this model by the same words before?  Of a recipe
-- only source and label are run as they stand, under its search_path.
CREATE FUNCTION leadscore.own_words(name text, spec jsonb)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
RETURN EXISTS (SELECT FROM leadscore.runs AS r WHERE r.model = name AND r.started_by = current_user
	AND r.spec->'source' = own_words.spec->'source' AND r.spec->'label' = own_words.spec->'label'
	AND r.spec #> '{settings,search_path}' = own_words.spec #> '{settings,search_path}');
COMMENT ON FUNCTION leadscore.own_words(text, jsonb) IS 'has the current role trained this model by the same source and label before?';

-- The recipe of the last version, or of the last run where there is none.
-- adopt: it may be another role's
CREATE FUNCTION leadscore.last_spec(name text, adopt boolean DEFAULT false)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	spec jsonb;
	author text;
BEGIN
	SELECT r.spec, r.started_by INTO spec, author FROM leadscore.runs AS r LEFT JOIN leadscore.versions AS v USING (run_id)
	WHERE r.model = name AND r.action <> 'tune' ORDER BY v.version DESC NULLS LAST, r.started_at DESC LIMIT 1;
	IF spec IS NULL THEN
		RAISE EXCEPTION 'model "%" does not exist', name USING ERRCODE = 'undefined_object',
			HINT = 'lead_train_model() makes one; leadscore.models lists them.';
	END IF;
	IF adopt IS NOT TRUE AND NOT leadscore.own_words(name, spec) THEN
		PERFORM leadscore.check_author(format('the recipe of model "%s"', name), author,
			format('Look at spec in leadscore.runs; lead_retrain(%L, adopt => true) makes it your own.', name));
	END IF;
	RETURN spec - 'recalibrated';
END;
$$;

-- lead_retrain(name): the next version by the recipe of the last one.
-- options	are put over those stored, key by key
-- gate		so is the gate; {"min_auc": null} takes a key out, so its default counts
-- adopt	take over a recipe that another role wrote
-- frames_window	train on the frames that lead_keep_frames() has kept of this time
--			until the last of them ended; the source is not read.  NULL: as the last
--			version was
-- half_life	with it: a frame's rows count half as much each time it is older by
--			this; NULL: all the same
CREATE FUNCTION lead_retrain(name text, options jsonb DEFAULT NULL, gate jsonb DEFAULT NULL, description text DEFAULT NULL,
	tags jsonb DEFAULT NULL, adopt boolean DEFAULT false, frames_window interval DEFAULT NULL, half_life interval DEFAULT NULL)
RETURNS lead_run
LANGUAGE plpgsql
AS $$
DECLARE
	spec pg_catalog.jsonb;
BEGIN
	PERFORM leadscore.lock(name);	-- before the recipe is read: the model may be about to go
	spec := leadscore.frames_spec(leadscore.merged_spec(leadscore.last_spec(name, adopt), options, gate), frames_window, half_life);
	RETURN leadscore.train(name, 'retrain', spec, description, leadscore.last_experiment(name), tags);
END;
$$;
COMMENT ON FUNCTION lead_retrain(text, jsonb, jsonb, text, jsonb, boolean, interval, interval) IS
'train the next version of a model by the recipe of its last one';

CREATE FUNCTION leadscore.last_experiment(name text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT e.name FROM leadscore.runs AS r JOIN leadscore.experiments AS e USING (experiment_id)
	WHERE r.model = $1 ORDER BY r.started_at DESC LIMIT 1
$$;

CREATE FUNCTION leadscore.merged_spec(spec jsonb, options jsonb, gate jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF jsonb_typeof(options) <> 'object' THEN
		RAISE EXCEPTION 'options must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF options ?| '{names,exclude}' THEN
		RAISE EXCEPTION 'other columns are another recipe' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Call lead_train_model() with the same name.';
	END IF;
	PERFORM leadscore.check_options(options);
	PERFORM leadscore.check_gate(gate);
	RETURN jsonb_set(jsonb_set(spec, '{options}', spec->'options' || coalesce(options, '{}')),
		'{gate}', jsonb_strip_nulls(spec->'gate' || coalesce(gate, '{}')));
END;
$$;

-- lead_validate(name): what the checks before a training say of the source as it
-- is now.  Reads it once, trains nothing, writes nothing.  A source that is gone, or
-- fails, is an error row as well.
CREATE FUNCTION lead_validate(name text,
	OUT "check" text, OUT severity text, OUT "column" text, OUT detail text)
RETURNS SETOF record
LANGUAGE plpgsql
AS $$
DECLARE
	spec pg_catalog.jsonb := leadscore.last_spec(name);
	relation pg_catalog.regclass := CASE WHEN pg_catalog.left(spec OPERATOR(pg_catalog.->>) 'source', 1) OPERATOR(pg_catalog.<>) '('
		THEN pg_catalog.to_regclass(spec OPERATOR(pg_catalog.->>) 'source') END;
	data record;
	more pg_catalog.text;
	before pg_catalog.jsonb := leadscore.last_columns(name);
	here pg_catalog.jsonb := leadscore.current_settings();
	presort pg_catalog.text;
BEGIN
	IF relation IS NOT NULL THEN
		RETURN QUERY SELECT * FROM leadscore.judge_columns(spec, leadscore.columns_of(relation)) AS j;
		IF EXISTS (SELECT FROM leadscore.judge_columns(spec, leadscore.columns_of(relation)) AS j
			WHERE j.severity OPERATOR(pg_catalog.=) 'error') THEN
			RETURN;
		END IF;
	END IF;
	BEGIN
		PERFORM leadscore.set_settings(spec OPERATOR(pg_catalog.->) 'settings');
		presort := leadscore.presort('off');
		EXECUTE leadscore.training_query(spec, NULL, false) INTO data;
		PERFORM leadscore.presort(presort);
		PERFORM leadscore.set_settings(here);
	EXCEPTION WHEN OTHERS THEN
		"check" := 'source';
		severity := 'error';
		GET STACKED DIAGNOSTICS detail = MESSAGE_TEXT, more = PG_EXCEPTION_DETAIL;
		detail := pg_catalog.concat_ws(': ', 'it cannot be read', detail, CASE WHEN pg_catalog.length(more) OPERATOR(pg_catalog.>) 0 THEN more END);
		RETURN NEXT;
		RETURN;
	END;
	RETURN QUERY SELECT * FROM leadscore.judge_rows(spec, (data.training).columns, before, (data.training).rows,
		(data.training).positives, data.total OPERATOR(pg_catalog.-) data.labelled, data.duplicates, data.held_out) AS j;
END;
$$;
COMMENT ON FUNCTION lead_validate(text) IS 'what the checks before a training say of a model''s source as it is now';

-- The facts that the last version was trained on.
CREATE FUNCTION leadscore.last_columns(name text)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT a.body::jsonb FROM leadscore.versions AS v JOIN leadscore.artifacts AS a USING (run_id)
	WHERE v.name = $1 AND a.path = 'columns.json' ORDER BY v.version DESC LIMIT 1
$$;
