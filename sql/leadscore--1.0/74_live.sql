----------------------------------------------------------------------------
-- What is live
----------------------------------------------------------------------------

CREATE TYPE lead_deployment AS (
	model text,
	alias text,
	version integer,
	replaced integer,
	deployed_at timestamptz,
	deployed_by text,
	reason text
);
COMMENT ON TYPE lead_deployment IS 'a change of an alias';

CREATE FUNCTION leadscore.deployment_row(id bigint)
RETURNS lead_deployment
LANGUAGE sql	-- VOLATILE: it sees what its argument has just written
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT name, alias, version, replaced, deployed_at, deployed_by, reason
	FROM leadscore.deployments WHERE deployment_id = id
$$;

-- An error unless there is such a model, or, where that is enough, was.
CREATE FUNCTION leadscore.require_model(name text, past boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	IF EXISTS (SELECT FROM leadscore.models AS m WHERE m.name = name)
		OR past AND EXISTS (SELECT FROM leadscore.deployments AS d WHERE d.name = name) THEN
		RETURN;
	END IF;
	RAISE EXCEPTION 'model "%" does not exist', name USING ERRCODE = 'undefined_object',
		HINT = 'lead_train_model() makes one; leadscore.models lists them.';
END;
$$;

CREATE FUNCTION leadscore.require_version(name text, version integer)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	PERFORM leadscore.require_model(name);
	IF NOT EXISTS (SELECT FROM leadscore.versions AS v WHERE v.name = name AND v.version = version) THEN
		RAISE EXCEPTION 'model "%" has no version %', name, version USING ERRCODE = 'undefined_object',
			HINT = format('lead_versions(%L) shows those there are.', name);
	END IF;
END;
$$;

-- lead_promote(name, version [, alias]): the version is what the alias means,
-- from this transaction on.  The gate is not asked.
CREATE FUNCTION lead_promote(name text, version integer, alias text DEFAULT 'champion', reason text DEFAULT NULL)
RETURNS lead_deployment
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	PERFORM leadscore.lock(name);
	PERFORM leadscore.require_version(name, version);
	IF alias IS NULL OR alias = '' OR length(alias) > 200 OR alias ~ '[@[:cntrl:]]' OR alias ~ '^[0-9]+$' THEN
		RAISE EXCEPTION 'invalid alias: "%"', coalesce(alias, '(null)') USING ERRCODE = 'invalid_name',
			DETAIL = 'An alias has 1 to 200 characters, no @ and no control characters, and is no number.';
	END IF;
	RETURN leadscore.deployment_row(leadscore.deploy(name, alias, version, 'promote', reason));
END;
$$;
COMMENT ON FUNCTION lead_promote(text, integer, text, text) IS 'make a version what an alias means; the champion is what is live';

-- The deployment that lead_rollback() would bring back, NULL if there is none.
-- Versions that were dropped are passed over.
CREATE FUNCTION leadscore.rollback_target(name text, alias text)
RETURNS leadscore.deployments
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	last leadscore.deployments;
	target leadscore.deployments;
	next bigint;
BEGIN
	SELECT d.* INTO last FROM leadscore.deployments AS d
	WHERE d.name = name AND d.alias = alias ORDER BY d.deployment_id DESC LIMIT 1;
	next := CASE last.action WHEN 'rollback' THEN
		(SELECT d.before FROM leadscore.deployments AS d WHERE d.deployment_id = last.in_force)
		ELSE coalesce(last.before, CASE WHEN last.action = 'remove' THEN last.deployment_id END) END;
	LOOP
		SELECT d.* INTO target FROM leadscore.deployments AS d WHERE d.deployment_id = next;
		EXIT WHEN target.deployment_id IS NULL
			OR EXISTS (SELECT FROM leadscore.versions AS v WHERE v.name = name AND v.version = target.version);
		next := coalesce(target.before, CASE WHEN target.action = 'remove' THEN
			(SELECT max(d.deployment_id) FROM leadscore.deployments AS d
			WHERE d.name = name AND d.alias = alias AND d.deployment_id < target.deployment_id) END);
	END LOOP;
	RETURN target;
END;
$$;
COMMENT ON FUNCTION leadscore.rollback_target(text, text) IS 'the deployment that a rollback of an alias would bring back';

-- lead_rollback(name [, alias]): undo the last promotion; again: the one before.
-- Versions that were dropped are passed over.
CREATE FUNCTION lead_rollback(name text, alias text DEFAULT 'champion', reason text DEFAULT NULL)
RETURNS lead_deployment
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	last leadscore.deployments;
	target leadscore.deployments;
BEGIN
	PERFORM leadscore.lock(name);
	PERFORM leadscore.require_model(name);
	SELECT d.* INTO last FROM leadscore.deployments AS d
	WHERE d.name = name AND d.alias = alias ORDER BY d.deployment_id DESC LIMIT 1;
	IF last.deployment_id IS NULL THEN
		RAISE EXCEPTION 'model "%" never had a %', name, alias USING ERRCODE = 'undefined_object',
			HINT = 'lead_promote() makes a version live.';
	END IF;
	target := leadscore.rollback_target(name, alias);
	IF target.deployment_id IS NULL THEN
		RAISE EXCEPTION 'model "%" had no other % before', name, alias USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = format('lead_deployments(%L) shows the history.', name);
	END IF;
	RETURN leadscore.deployment_row(leadscore.deploy(name, alias, target.version, 'rollback',
		coalesce(reason, format('rollback from version %s', last.version)), NULL, coalesce(target.in_force, target.deployment_id)));
END;
$$;
COMMENT ON FUNCTION lead_rollback(text, text, text) IS 'undo the last promotion; once more: the one before it';

CREATE FUNCTION lead_drop_alias(name text, alias text, reason text DEFAULT NULL)
RETURNS lead_deployment
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	PERFORM leadscore.lock(name);
	PERFORM leadscore.require_model(name);
	IF NOT EXISTS (SELECT FROM leadscore.aliases AS a WHERE a.name = name AND a.alias = alias) THEN
		RAISE EXCEPTION 'model "%" has no %', name, alias USING ERRCODE = 'undefined_object';
	END IF;
	RETURN leadscore.deployment_row(leadscore.deploy(name, alias, NULL, 'remove', reason));
END;
$$;
COMMENT ON FUNCTION lead_drop_alias(text, text, text) IS 'an alias means nothing from now on; its history stays';

-- lead_model(name, alias [, as_of]): the model that the alias stands for, or
-- stood for then.
CREATE FUNCTION lead_model(name text, alias text, as_of timestamptz DEFAULT NULL)
RETURNS bytea
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	number integer;
	bytes bytea;
BEGIN
	IF name IS NULL OR alias IS NULL THEN
		RETURN NULL;
	END IF;
	IF as_of IS NULL OR alias ~ '^[0-9]+$' THEN
		RETURN @extschema@.lead_model(name || '@' || alias);
	END IF;
	PERFORM leadscore.require_model(name, past => true);
	SELECT d.version INTO number FROM leadscore.deployments AS d
	WHERE d.name = name AND d.alias = alias AND d.deployed_at <= as_of ORDER BY d.deployment_id DESC LIMIT 1;
	IF number IS NULL THEN
		RAISE EXCEPTION 'model "%" had no % at %', name, alias, as_of USING ERRCODE = 'undefined_object',
			HINT = format('lead_deployments(%L) shows the history.', name);
	END IF;
	SELECT v.model INTO bytes FROM leadscore.versions AS v WHERE v.name = name AND v.version = number;
	IF bytes IS NULL THEN
		RAISE EXCEPTION 'version % of model "%" has been dropped', number, name USING ERRCODE = 'undefined_object',
			DETAIL = format('It was %s at %s.', alias, as_of);
	END IF;
	RETURN bytes;
END;
$$;
COMMENT ON FUNCTION lead_model(text, text, timestamptz) IS 'the model that an alias stands for, or stood for at a time';

CREATE FUNCTION lead_model(name text, version integer)
RETURNS bytea
LANGUAGE sql STABLE STRICT PARALLEL SAFE
RETURN lead_model(name || '@' || version);
COMMENT ON FUNCTION lead_model(text, integer) IS 'a version of a model';

-- lead_versions(name): a row per version, the newest first; an error if there is no
-- such model.
-- step		full: trained; intercept, slope: the champion of then, recalibrated, and rows
--			are those that it was recalibrated on
CREATE FUNCTION lead_versions(name text,
	OUT version integer, OUT live boolean, OUT aliases text[], OUT created_at timestamptz, OUT created_by text,
	OUT rows bigint, OUT positives bigint, OUT held_out bigint, OUT auc float8, OUT log_loss float8,
	OUT "precision" float8, OUT recall float8, OUT verdict text, OUT fingerprint text, OUT description text, OUT run_id uuid, OUT step text)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT leadscore.require_model($1);
	SELECT v.version, 'champion' = ANY (a.aliases), a.aliases, v.created_at, v.created_by, r.rows, r.positives, r.held_out,
		x.auc, x.log_loss, x.precision, x.recall, x.verdict, r.fingerprint, v.description, v.run_id,
		CASE r.action WHEN 'recalibrate' THEN r.spec #>> '{recalibrated,step}' WHEN 'train' THEN 'full' WHEN 'retrain' THEN 'full' END
	FROM leadscore.versions AS v
		JOIN leadscore.runs AS r USING (run_id)
		CROSS JOIN LATERAL (SELECT coalesce(array_agg(s.alias ORDER BY s.alias), '{}') AS aliases FROM leadscore.aliases AS s
			WHERE s.name = v.name AND s.version = v.version) AS a
		CROSS JOIN LATERAL leadscore.run_row(v.run_id) AS x
	WHERE v.name = $1
	ORDER BY v.version DESC
$$;
COMMENT ON FUNCTION lead_versions(text) IS 'the versions of a model side by side, the newest first';

-- lead_deployments(name): what was live when.  live_until is NULL for what is.  Also
-- of models that were dropped.
CREATE FUNCTION lead_deployments(name text,
	OUT alias text, OUT version integer, OUT live_from timestamptz, OUT live_until timestamptz,
	OUT action text, OUT deployed_by text, OUT reason text)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT leadscore.require_model($1, past => true);
	SELECT d.alias, d.version, d.deployed_at, lead(d.deployed_at) OVER (PARTITION BY d.alias ORDER BY d.deployment_id),
		d.action, d.deployed_by, d.reason
	FROM leadscore.deployments AS d WHERE d.name = $1
	ORDER BY d.deployment_id DESC
$$;
COMMENT ON FUNCTION lead_deployments(text) IS 'what was live when, who did it and why, the newest first';

----------------------------------------------------------------------------
-- Deleting
----------------------------------------------------------------------------

CREATE FUNCTION leadscore.drop_versions(name text, versions integer[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	runs uuid[];
BEGIN
	WITH gone AS (
		DELETE FROM leadscore.versions AS v WHERE v.name = name AND v.version = ANY (versions) RETURNING v.run_id
	)
	SELECT array_agg(g.run_id) INTO runs FROM gone AS g;
	DELETE FROM leadscore.runs AS r WHERE r.run_id = ANY (runs)
		AND NOT EXISTS (SELECT FROM leadscore.versions AS v WHERE v.run_id = r.run_id);
END;
$$;

-- lead_drop_version(name, version): with its run.  An error while an alias
-- points to it.  What was live when stays in the history.
CREATE FUNCTION lead_drop_version(name text, version integer)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	used text;
BEGIN
	PERFORM leadscore.lock(name);
	PERFORM leadscore.require_version(name, version);
	SELECT string_agg(a.alias, ', ' ORDER BY a.alias) INTO used FROM leadscore.aliases AS a
	WHERE a.name = name AND a.version = version;
	IF used IS NOT NULL THEN
		RAISE EXCEPTION 'version % of model "%" is in use', version, name USING ERRCODE = 'dependent_objects_still_exist',
			DETAIL = format('Its aliases are: %s.', used), HINT = 'lead_promote() another version, or lead_drop_alias() first.';
	END IF;
	PERFORM leadscore.drop_versions(name, ARRAY[version]);
END;
$$;
COMMENT ON FUNCTION lead_drop_version(text, integer) IS 'delete a version that no alias points to, with its run';

-- lead_drop_model(name [, force]): all versions and runs.  An error while it
-- has an alias, unless force.  The history of what was live stays.
CREATE FUNCTION lead_drop_model(name text, force boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	used text;
BEGIN
	PERFORM leadscore.lock(name);
	IF NOT EXISTS (SELECT FROM leadscore.models AS m WHERE m.name = name) THEN
		RAISE EXCEPTION 'model "%" does not exist', name USING ERRCODE = 'undefined_object';
	END IF;
	SELECT string_agg(format('%s (version %s)', a.alias, a.version), ', ' ORDER BY a.alias) INTO used
	FROM leadscore.aliases AS a WHERE a.name = name;
	IF used IS NOT NULL AND force IS NOT TRUE THEN
		RAISE EXCEPTION 'model "%" is in use', name USING ERRCODE = 'dependent_objects_still_exist',
			DETAIL = format('Its aliases are: %s.', used), HINT = format('lead_drop_model(%L, force => true) drops it all the same.', name);
	END IF;
	PERFORM leadscore.deploy(name, a.alias, NULL, 'remove', 'the model was dropped') FROM leadscore.aliases AS a WHERE a.name = name;
	PERFORM @extschema@.lead_unschedule(j.name, j.action) FROM leadscore.jobs AS j WHERE j.name = name;
	DELETE FROM leadscore.versions AS v WHERE v.name = name;
	DELETE FROM leadscore.runs AS r WHERE r.model = name;
	DELETE FROM leadscore.models AS m WHERE m.name = name;
	DELETE FROM leadscore.experiments AS e WHERE e.name = name
		AND NOT EXISTS (SELECT FROM leadscore.runs AS r WHERE r.experiment_id = e.experiment_id);
END;
$$;
COMMENT ON FUNCTION lead_drop_model(text, boolean) IS 'delete a model with all versions and runs; what was live when stays known';

-- lead_prune(name, keep): delete all but the newest versions, and failed runs and
-- tunings older than those.  Kept besides: what an alias points to, and what
-- lead_rollback() would bring back.  Returns how many versions went.
CREATE FUNCTION lead_prune(name text, keep integer DEFAULT 10)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	unwanted integer[];
BEGIN
	IF keep IS NULL OR keep < 1 THEN
		RAISE EXCEPTION 'keep must be at least 1' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM leadscore.lock(name);
	IF NOT EXISTS (SELECT FROM leadscore.models AS m WHERE m.name = name) THEN
		RAISE EXCEPTION 'model "%" does not exist', name USING ERRCODE = 'undefined_object';
	END IF;
	SELECT coalesce(array_agg(v.version), '{}') INTO unwanted
	FROM (SELECT v.version, row_number() OVER (ORDER BY v.version DESC) AS age FROM leadscore.versions AS v WHERE v.name = name) AS v
	WHERE v.age > keep
		AND NOT EXISTS (SELECT FROM leadscore.aliases AS a WHERE a.name = name AND a.version = v.version)
		AND v.version NOT IN (SELECT b.version FROM leadscore.rollback_targets(name) AS b WHERE b.version IS NOT NULL);
	PERFORM leadscore.drop_versions(name, unwanted);
	DELETE FROM leadscore.runs AS r WHERE r.model = name AND (r.status = 'failed' OR r.action = 'tune')
		AND r.started_at < (SELECT min(v.created_at) FROM (SELECT v.created_at FROM leadscore.versions AS v
			WHERE v.name = name ORDER BY v.version DESC LIMIT keep) AS v);
	RETURN cardinality(unwanted);
END;
$$;
COMMENT ON FUNCTION lead_prune(text, integer) IS 'delete old versions: all but the newest, what is live, and what a rollback would bring back';

-- What lead_rollback() would bring back, per alias.
CREATE FUNCTION leadscore.rollback_targets(name text, OUT alias text, OUT version integer)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT d.alias, (leadscore.rollback_target($1, d.alias)).version
	FROM (SELECT DISTINCT d.alias FROM leadscore.deployments AS d WHERE d.name = $1) AS d
$$;

----------------------------------------------------------------------------
-- Who may do what
----------------------------------------------------------------------------

-- lead_grant(role, level): 'reader' may score by name and see all but the rows
-- held out and the frames kept, 'trainer' may also train, promote and drop.  Both still need
-- their rights on the leads themselves.
CREATE FUNCTION lead_grant(role text, level text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t record;
BEGIN
	IF level IS NULL OR level NOT IN ('reader', 'trainer') THEN
		RAISE EXCEPTION 'unknown level "%"', coalesce(level, '(null)') USING ERRCODE = 'invalid_parameter_value',
			HINT = 'The levels are: reader, trainer.';
	END IF;
	IF role IS NULL OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
		RAISE EXCEPTION 'role "%" does not exist', coalesce(role, '(null)') USING ERRCODE = 'undefined_object';
	END IF;
	IF NOT has_schema_privilege('leadscore', 'USAGE WITH GRANT OPTION') THEN
		RAISE EXCEPTION 'permission denied to grant rights on the registry' USING ERRCODE = 'insufficient_privilege',
			HINT = 'Whoever created the extension may.';
	END IF;
	EXECUTE format('GRANT USAGE ON SCHEMA leadscore TO %I', role);
	FOR t IN SELECT c.oid, c.relname, c.relkind FROM pg_class AS c
		WHERE c.relnamespace = 'leadscore'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S') LOOP
		IF t.relkind = 'S' THEN
			CONTINUE WHEN level = 'reader';
			EXECUTE format('GRANT USAGE ON SEQUENCE leadscore.%I TO %I', t.relname, role);
		ELSIF level = 'trainer' AND t.relname IN ('runs', 'score_tables', 'watches') THEN
			-- who wrote what will run again is not to be forged
			EXECUTE format('GRANT SELECT, DELETE, INSERT (%2$s) ON leadscore.%1$I TO %3$I', t.relname,
				(SELECT string_agg(quote_ident(a.attname), ', ') FROM pg_attribute AS a WHERE a.attrelid = t.oid AND a.attnum > 0
					AND NOT a.attisdropped AND a.attname <> ALL ('{started_by,created_by}')), role);
			IF t.relname = 'runs' THEN
				EXECUTE format('GRANT UPDATE (status, ended_at, description, rows, positives, unknown, held_out, data_from, data_to,
					cut, seen, fingerprint, error, sqlstate) ON leadscore.runs TO %I', role);
			END IF;
		ELSIF level = 'trainer' AND t.relkind <> 'v' THEN
			EXECUTE format('GRANT SELECT, INSERT%s ON leadscore.%I TO %I',
				CASE WHEN t.relname IN ('deployments', 'forgettings', 'decisions') THEN '' ELSE ', UPDATE, DELETE' END, t.relname, role);
		ELSIF t.relname NOT IN ('holdouts', 'kept_frames') THEN
			EXECUTE format('GRANT SELECT ON leadscore.%I TO %I', t.relname, role);
		END IF;
	END LOOP;
END;
$$;
COMMENT ON FUNCTION lead_grant(text, text) IS 'give a role the rights of a reader or of a trainer';

CREATE FUNCTION lead_revoke(role text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	others text;
BEGIN
	IF role IS NULL OR NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
		RAISE EXCEPTION 'role "%" does not exist', coalesce(role, '(null)') USING ERRCODE = 'undefined_object';
	END IF;
	IF NOT has_schema_privilege('leadscore', 'USAGE WITH GRANT OPTION') THEN
		RAISE EXCEPTION 'permission denied to revoke rights on the registry' USING ERRCODE = 'insufficient_privilege',
			HINT = 'Whoever created the extension may.';
	END IF;
	EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA leadscore FROM %I', role);
	EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA leadscore FROM %I', role);
	EXECUTE format('REVOKE ALL ON SCHEMA leadscore FROM %I', role);
	-- one takes away what one gave; what is left another role gave
	SELECT string_agg(DISTINCT format('"%s"', pg_get_userbyid(g.grantor)), ', ') INTO others
	FROM (SELECT nspacl AS acl FROM pg_namespace WHERE nspname = 'leadscore'
		UNION ALL SELECT relacl FROM pg_class WHERE relnamespace = 'leadscore'::regnamespace) AS o, aclexplode(o.acl) AS g
	WHERE g.grantee = (SELECT r.oid FROM pg_roles AS r WHERE r.rolname = role);
	IF others IS NOT NULL THEN
		RAISE WARNING 'role "%" still has rights on the registry', role
			USING DETAIL = format('They were given by %s.', others), HINT = 'Let that role call lead_revoke().';
	END IF;
END;
$$;
COMMENT ON FUNCTION lead_revoke(text) IS 'take from a role what lead_grant() gave it';
