/*
 * Runs of a model, by a schedule or by hand, never overlap: each holds an advisory lock,
 * a lock of the session, because the run commits on its way, that goes with an error that
 * nobody catches.  The registry's own lock
 * (leadscore.lock) is another one, so that nobody waits for a long scoring to promote.
 */
CREATE FUNCTION leadscore.job_lock_key(name text, OUT class integer, OUT object integer)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (pg_catalog.hashtext('leadscore run'), pg_catalog.hashtext(name));
COMMENT ON FUNCTION leadscore.job_lock_key(text) IS 'the two keys of the advisory lock of a model''s runs';

CREATE FUNCTION leadscore.take_run_lock(class integer, object integer) RETURNS boolean
AS 'MODULE_PATHNAME', 'lead_take_run_lock' LANGUAGE C STRICT;
COMMENT ON FUNCTION leadscore.take_run_lock(integer, integer) IS
'takes an advisory lock of the session that goes when a transaction aborts; false: it is taken';

CREATE FUNCTION leadscore.take_job_lock(name text) RETURNS boolean
LANGUAGE sql SET search_path = pg_catalog, pg_temp
AS $$ SELECT leadscore.take_run_lock(k.class, k.object) FROM leadscore.job_lock_key(name) AS k $$;
COMMENT ON FUNCTION leadscore.take_job_lock(text) IS 'takes the lock of a model''s runs for this session; false: it is taken';

CREATE FUNCTION leadscore.give_job_lock() RETURNS void
AS 'MODULE_PATHNAME', 'lead_give_run_lock' LANGUAGE C;
COMMENT ON FUNCTION leadscore.give_job_lock() IS 'gives the lock of a model''s runs back';

-- Raises an error that was recorded.
CREATE FUNCTION leadscore.raise_failure(failure jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RAISE EXCEPTION '%', coalesce(failure->>'message', 'unknown error')
		USING ERRCODE = coalesce(failure->>'sqlstate', 'P0001'),
			DETAIL = coalesce(nullif(failure->>'detail', ''), 'The run is recorded with this error.'),
			HINT = coalesce(nullif(failure->>'hint', ''), 'See leadscore.job_runs and leadscore.score_runs.');
END;
$$;
COMMENT ON FUNCTION leadscore.raise_failure(jsonb) IS 'raises an error that was recorded before';

-- lead_refresh_scores: a table of scores, and the runs that keep it up to date.
--
-- The table has the key, score, grade, reasons, model_version, scored_at, and the
-- fingerprint of what the score was computed from: the values of the model's columns, and
-- what the grades and reasons are asked to be.  A row is scored when it is new, when its
-- fingerprint has changed, or when another version is live.  Every scoring is also a row
-- of <table>_history.

-- <table>_history; a qualified name in, a qualified name out
CREATE FUNCTION leadscore.history_of(target text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
RETURN (SELECT format('%I.%I', p[1], p[2] || '_history') FROM parse_ident(target) AS p);
COMMENT ON FUNCTION leadscore.history_of(text) IS 'the table with the history of a table of scores';

-- Checks that a table can hold scores: the columns that leadscore makes, maybe more, and
-- one row for each key.
CREATE FUNCTION leadscore.check_score_table(target regclass, key text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation pg_class;
	lacking text;
BEGIN
	SELECT c.* INTO relation FROM pg_class AS c WHERE c.oid = target;
	SELECT format('It has no column "%s"%s.', n.name, ' of type ' || n.type::regtype) INTO lacking
	FROM (VALUES (1, key, NULL), (2, 'score', 'float8'), (3, 'grade', 'text'), (4, 'reasons', 'text'), (5, 'model_version', 'int4'),
			(6, 'scored_at', 'timestamptz'), (7, 'fingerprint', 'int8')) AS n(o, name, type)
	WHERE NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = target AND a.attname = n.name AND a.attnum > 0
		AND NOT a.attisdropped AND a.atttypid = coalesce(n.type::regtype, a.atttypid))
	ORDER BY n.o LIMIT 1;
	IF relation.relkind NOT IN ('r', 'p') THEN
		lacking := 'It is not a table.';
	ELSIF lacking IS NULL AND NOT leadscore.is_unique(target, key) THEN
		lacking := format('It has no unique index on column "%s" alone.', key);
	END IF;
	IF lacking IS NOT NULL THEN
		RAISE EXCEPTION '"%" is not a table of scores', relation.relname
			USING ERRCODE = 'wrong_object_type', DETAIL = lacking,
				HINT = 'target is the table to write the scores to, made where there is none: give another name. The leads to score are the source.';
	END IF;
END;
$$;
COMMENT ON FUNCTION leadscore.check_score_table(regclass, text) IS 'an error where a table cannot hold scores';

-- Checks that a table can go on as the history of a table of scores, which may be a new one.
CREATE FUNCTION leadscore.check_score_history(history regclass, target regclass, key text) RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	relation pg_class;
	lacking text;
BEGIN
	SELECT c.* INTO relation FROM pg_class AS c WHERE c.oid = history;
	SELECT format('It has no column "%s" of type %s.', t.attname, format_type(t.atttypid, NULL)) INTO lacking
	FROM pg_attribute AS t
	WHERE t.attrelid = target AND NOT t.attisdropped
		AND t.attname = ANY (ARRAY[key, 'score', 'grade', 'reasons', 'model_version', 'scored_at'])
		AND NOT EXISTS (SELECT FROM pg_attribute AS h WHERE h.attrelid = history AND h.attname = t.attname AND h.attnum > 0
			AND NOT h.attisdropped AND h.atttypid = t.atttypid)
	ORDER BY t.attnum LIMIT 1;
	IF relation.relkind NOT IN ('r', 'p') THEN
		lacking := 'It is not a table.';
	END IF;
	IF lacking IS NOT NULL THEN
		RAISE EXCEPTION '"%" is not a history of "%"', relation.relname, (SELECT c.relname FROM pg_class AS c WHERE c.oid = target)
			USING ERRCODE = 'wrong_object_type', DETAIL = lacking,
				HINT = 'Every scoring is also written there: rename or drop what is in the way, or give another target.';
	END IF;
END;
$$;
COMMENT ON FUNCTION leadscore.check_score_history(regclass, regclass, text) IS
'an error where a table cannot be the history of a table of scores';

-- Sets a table of scores up, or changes what it is to hold; NULL: as before, else the
-- default.  source is resolved, target is not; schema is the caller's current one.
CREATE FUNCTION leadscore.score_table(name text, source text, target text, schema text, grades jsonb, reasons integer)
RETURNS leadscore.score_tables
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	spec jsonb := leadscore.spec_of(name);
	known leadscore.score_tables;
	made leadscore.score_tables;
BEGIN
	IF strpos(name, '@') > 0 THEN
		RAISE EXCEPTION 'scores are kept for what is live: give the model''s name without "@"'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF reasons NOT BETWEEN 0 AND 100 THEN
		RAISE EXCEPTION 'the number of reasons must be between 0 and 100' USING ERRCODE = 'invalid_parameter_value';
	ELSIF spec->>'key' IS NULL THEN
		RAISE EXCEPTION 'model "%" has no key column', name
			USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Train it with a key, which tells one lead from another.';
	END IF;
	SELECT t.* INTO known FROM leadscore.score_tables AS t WHERE t.name = score_table.name;
	IF known.name IS NOT NULL AND (source IS NULL OR target IS NULL) THEN
		PERFORM leadscore.check_author(format('where the scores of model "%s" are kept', name), known.created_by,
			'Give source and target yourself, or look at leadscore.score_tables.');
	END IF;
	made := known;
	made.name := name;
	made.key := spec->>'key';
	made.source := coalesce(source, known.source, leadscore.source_of_model(name));
	made.target := CASE WHEN target IS NULL AND known.name IS NOT NULL THEN known.target
		ELSE leadscore.qualify(coalesce(target, quote_ident(name || '_scores')), schema) END;
	made.reasons := coalesce(reasons, known.reasons, 3);
	made.grades := CASE WHEN grades IS NULL AND known.name IS NOT NULL THEN known.grades
		ELSE leadscore.complete_grades(name, grades, made.source, spec) END;
	PERFORM leadscore.check_source(name, made.source, made.key);

	IF to_regclass(made.target) IS NOT NULL THEN
		PERFORM leadscore.check_score_table(made.target::regclass, made.key);
	ELSE
		EXECUTE format('CREATE TABLE %s AS SELECT s.%I, NULL::float8 AS score, NULL::text AS grade, NULL::text AS reasons,
				NULL::integer AS model_version, NULL::timestamptz AS scored_at, NULL::bigint AS fingerprint
			FROM %s AS s WITH NO DATA', made.target, made.key, made.source);
		EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (%I), ALTER score SET NOT NULL, ALTER model_version SET NOT NULL,
			ALTER scored_at SET NOT NULL, ALTER fingerprint SET NOT NULL', made.target, made.key);
		EXECUTE format('COMMENT ON TABLE %s IS %L', made.target, 'scores by model ' || name);
	END IF;
	IF to_regclass(leadscore.history_of(made.target)) IS NOT NULL THEN
		PERFORM leadscore.check_score_history(leadscore.history_of(made.target)::regclass, made.target::regclass, made.key);
	ELSE
		EXECUTE format('CREATE TABLE %s AS SELECT t.%I, t.score, t.grade, t.reasons, t.model_version, t.scored_at
			FROM %s AS t WITH NO DATA', leadscore.history_of(made.target), made.key, made.target);
		EXECUTE format('CREATE INDEX ON %s (%I, scored_at)', leadscore.history_of(made.target), made.key);
		EXECUTE format('COMMENT ON TABLE %s IS %L', leadscore.history_of(made.target), 'every scoring by model ' || name);
	END IF;
	IF made.target <> known.target THEN
		RAISE NOTICE 'target changed from % to %', known.target, made.target
			USING DETAIL = format('Calls that name none, and the job "score" of model "%s", write there from now on.', name);
	END IF;
	IF made.source <> known.source THEN
		RAISE NOTICE 'source changed from % to %', known.source, made.source
			USING DETAIL = format('Calls that name none, and the job "score" of model "%s", read it from now on.', name);
	END IF;
	IF made IS DISTINCT FROM known THEN
		DELETE FROM leadscore.score_tables AS t WHERE t.name = score_table.name;
		INSERT INTO leadscore.score_tables (name, source, key, target, grades, reasons)
		VALUES (made.name, made.source, made.key, made.target, made.grades, made.reasons);
	END IF;
	RETURN made;
END;
$$;
COMMENT ON FUNCTION leadscore.score_table(text, text, text, text, jsonb, integer) IS
'sets up the table that holds a model''s scores';

-- A notice where each batch will read a whole table: it has no index in the order of the
-- key, and more rows than one batch.
CREATE FUNCTION leadscore.tell_unindexed(name text, batch_size integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t leadscore.score_tables;
	relation regclass;
	more boolean;
BEGIN
	SELECT s.* INTO t FROM leadscore.score_tables AS s WHERE s.name = tell_unindexed.name;
	relation := CASE WHEN NOT starts_with(t.source, '(') THEN t.source::regclass END;
	IF NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = relation AND c.relkind IN ('r', 'p', 'm'))
		OR EXISTS (SELECT FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
				   JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
				   JOIN pg_opclass AS o ON o.oid = i.indclass[0]
				   WHERE i.indrelid = relation AND a.attname = t.key AND i.indisvalid AND i.indpred IS NULL
						AND o.opcdefault AND o.opcmethod = (SELECT am.oid FROM pg_am AS am WHERE am.amname = 'btree')
						AND i.indcollation[0] = a.attcollation) THEN
		RETURN;
	END IF;
	EXECUTE format('SELECT EXISTS (SELECT FROM %s OFFSET $1)', t.source) INTO more USING batch_size;
	IF more THEN
		RAISE NOTICE 'source % has no index on "%": each batch of % reads all of it', t.source, t.key, batch_size
			USING HINT = format('CREATE INDEX ON %s (%I), or give a greater batch_size.', t.source, t.key);
	END IF;
END;
$$;
COMMENT ON FUNCTION leadscore.tell_unindexed(text, integer) IS
'a notice where each batch of a scoring will read a whole table';

-- After a run that failed: what its call was told is forgotten, so that the next one does
-- as the last that went well.  A cancelled run is gone on with as it was begun.
-- former	the row of leadscore.score_tables before the call, all NULL for none
-- returns	the failure, with what became of it
CREATE FUNCTION leadscore.forget_told(name text, former leadscore.score_tables, failure jsonb) RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	told leadscore.score_tables;
BEGIN
	SELECT t.* INTO told FROM leadscore.score_tables AS t WHERE t.name = forget_told.name;
	IF failure->>'sqlstate' = '57014' OR told IS NOT DISTINCT FROM former THEN
		RETURN failure;
	END IF;
	DELETE FROM leadscore.score_tables AS t WHERE t.name = forget_told.name;
	IF former.name IS NOT NULL THEN
		INSERT INTO leadscore.score_tables SELECT former.*;
	END IF;
	RETURN failure || jsonb_build_object('detail', concat_ws(' ', failure->>'detail',
		'The run is recorded with this error; what the call was told is not kept.'));
END;
$$;
COMMENT ON FUNCTION leadscore.forget_told(text, leadscore.score_tables, jsonb) IS
'puts back where scores are kept, after a run that failed';

-- The operator of a type's order, 3 "=" or 5 ">", as the type's index has it and whatever
-- search_path hides: leads are read in the order of the key.
CREATE FUNCTION leadscore.order_operator(type regtype, strategy integer) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	base oid := coalesce((WITH RECURSIVE d AS (SELECT type::oid AS oid UNION ALL
		SELECT t.typbasetype FROM pg_type AS t JOIN d ON t.oid = d.oid WHERE t.typtype = 'd')
		SELECT d.oid FROM d JOIN pg_type AS t ON t.oid = d.oid WHERE t.typtype <> 'd'), type);
	found text;
BEGIN
	SELECT format('OPERATOR(%I.%s)', n.nspname, o.oprname) INTO found
	FROM pg_opclass AS c
	JOIN pg_amop AS a ON a.amopfamily = c.opcfamily AND a.amoplefttype = c.opcintype AND a.amoprighttype = c.opcintype
	JOIN pg_operator AS o ON o.oid = a.amopopr
	JOIN pg_namespace AS n ON n.oid = o.oprnamespace
	WHERE c.opcmethod = (SELECT oid FROM pg_am WHERE amname = 'btree') AND c.opcdefault AND a.amopstrategy = strategy
		AND (c.opcintype = base
			OR c.opcintype = 'anyenum'::regtype AND EXISTS (SELECT FROM pg_type WHERE oid = base AND typtype = 'e')
			OR EXISTS (SELECT FROM pg_cast WHERE castsource = base AND casttarget = c.opcintype AND castmethod = 'b' AND castcontext = 'i'))
	ORDER BY c.opcintype <> base, c.opcintype <> 'text'::regtype LIMIT 1;
	IF found IS NULL THEN
		RAISE EXCEPTION 'a key of type % has no order to read leads by', type::text USING ERRCODE = 'datatype_mismatch',
			HINT = 'Take a number, text, uuid or time.';
	END IF;
	RETURN found;
END;
$$;
COMMENT ON FUNCTION leadscore.order_operator(regtype, integer) IS 'the operator of a type''s default order';

-- The statement that scores a batch: $1 the model, $2 the cuts of grades, $3 the last key
-- of the batch before or NULL, $4 the version, $5 the size.  It returns how many rows it
-- read, the last key, how many had no key or one of another, and of the rows scored how
-- many, how many of each grade, and the sum of the scores.
--
-- A lead's old score is looked up in the index (LIMIT sees to that): a join would read the
-- whole table for every batch.  Texts are hashed by their bytes, whatever their collation
-- takes for equal.
CREATE FUNCTION leadscore.score_statement(t leadscore.score_tables, model bytea) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	info jsonb := @extschema@.lead_info(model);
	inputs text;
	seed bigint;
	key_type oid;
	key_cast text;
BEGIN
	-- a column of the model, or the time that a column of the model is a part of
	SELECT string_agg(CASE WHEN is_text THEN format('leadscore_row.%I::pg_catalog.text COLLATE pg_catalog."C"', f.name)
			ELSE format('leadscore_row.%I', f.name) END, ', ' ORDER BY f.name COLLATE "C")
	INTO inputs
	FROM (SELECT f AS name, bool_or(c->>'type' = 'text') AS is_text
		  FROM jsonb_array_elements_text(leadscore.spec_of(t.name)->'features') AS f,
			   jsonb_array_elements(info->'columns') AS c
		  WHERE c->>'name' = f OR starts_with(c->>'name', f || '.')
		  GROUP BY f) AS f;
	IF info->'roles' ? 'offset' THEN
		inputs := concat_ws(', ', inputs, format('leadscore_row.%I', info->'roles'->>'offset'));
	END IF;
	IF inputs IS NULL THEN
		RAISE EXCEPTION 'model "%" has no columns', t.name USING ERRCODE = 'internal_error';
	END IF;
	seed := hashtextextended(concat_ws('|', inputs, t.grades, t.reasons), 0);
	SELECT a.atttypid, format_type(a.atttypid, a.atttypmod) INTO key_type, key_cast
	FROM pg_attribute AS a WHERE a.attrelid = t.target::regclass AND a.attname = t.key;
	IF key_type IS NULL THEN
		RAISE EXCEPTION '% has no column "%"', t.target, t.key USING ERRCODE = 'undefined_column';
	END IF;

	RETURN format('
		WITH batch AS MATERIALIZED (
			SELECT leadscore_row.%1$I AS key, pg_catalog.hash_record_extended(ROW(%2$s), %3$L) AS fingerprint,
				leadscore_row AS lead
			FROM %4$s AS leadscore_row
			WHERE $3 IS NULL OR leadscore_row.%1$I %5$s $3::%6$s
			ORDER BY leadscore_row.%1$I FETCH FIRST $5 ROWS WITH TIES
		), stale AS MATERIALIZED (
			SELECT b.* FROM batch AS b LEFT JOIN LATERAL (SELECT t.* FROM %7$s AS t WHERE t.%1$I %10$s b.key LIMIT 1) AS t ON true
			WHERE b.key IS NOT NULL AND (t.%1$I IS NULL OR t.model_version OPERATOR(pg_catalog.<>) $4
				OR t.fingerprint OPERATOR(pg_catalog.<>) b.fingerprint)
		), scored AS MATERIALIZED (
			SELECT s.key, s.fingerprint, p.score, @extschema@.lead_grade(p.score, $2) AS grade, %9$s AS reasons
			FROM stale AS s, LATERAL (SELECT @extschema@.lead_score($1, s.lead) AS score OFFSET 0) AS p
		), written AS (
			INSERT INTO %7$s AS t (%1$I, score, grade, reasons, model_version, scored_at, fingerprint)
			SELECT s.key, s.score, s.grade, s.reasons, $4, pg_catalog.now(), s.fingerprint FROM scored AS s
			ON CONFLICT (%1$I) DO UPDATE SET score = excluded.score, grade = excluded.grade, reasons = excluded.reasons,
				model_version = excluded.model_version, scored_at = excluded.scored_at, fingerprint = excluded.fingerprint
		), told AS (
			INSERT INTO %8$s (%1$I, score, grade, reasons, model_version, scored_at)
			SELECT s.key, s.score, s.grade, s.reasons, $4, pg_catalog.now() FROM scored AS s
		)
		SELECT r.rows_read, r.last_key, r.without_key, r.repeated, c.* FROM
			(SELECT pg_catalog.count(*) AS rows_read, pg_catalog.count(*) FILTER (WHERE b.key IS NULL) AS without_key,
				pg_catalog.count(b.key) OPERATOR(pg_catalog.-) pg_catalog.count(DISTINCT b.key) AS repeated,
				(pg_catalog.array_agg(b.key ORDER BY b.key DESC) FILTER (WHERE b.key IS NOT NULL))[1]::pg_catalog.text AS last_key
			 FROM batch AS b) AS r,
			(SELECT pg_catalog.count(*) AS rows_scored,
				pg_catalog.count(*) FILTER (WHERE s.grade OPERATOR(pg_catalog.=) ''A'') AS rows_a,
				pg_catalog.count(*) FILTER (WHERE s.grade OPERATOR(pg_catalog.=) ''B'') AS rows_b,
				pg_catalog.count(*) FILTER (WHERE s.grade OPERATOR(pg_catalog.=) ''C'') AS rows_c,
				pg_catalog.count(*) FILTER (WHERE s.grade OPERATOR(pg_catalog.=) ''D'') AS rows_d,
				coalesce(pg_catalog.sum(s.score), 0) AS sum_score FROM scored AS s) AS c',
		t.key, inputs, seed, t.source, leadscore.order_operator(key_type, 5), key_cast, t.target, leadscore.history_of(t.target),
		CASE WHEN t.reasons = 0 THEN 'NULL::pg_catalog.text'
			ELSE format('@extschema@.lead_reasons($1, s.lead, %s)', t.reasons) END,
		leadscore.order_operator(key_type, 3));
END;
$$;
COMMENT ON FUNCTION leadscore.score_statement(leadscore.score_tables, bytea) IS
'the statement that scores a batch of leads';

-- A run begins: its row in leadscore.score_runs.  Whoever calls it holds the model's lock.
CREATE FUNCTION leadscore.begin_scores(name text, schema text) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t leadscore.score_tables;
	run bigint;
BEGIN
	-- under the lock, what still seems to run was broken off
	UPDATE leadscore.score_runs AS r SET status = 'interrupted'
	WHERE r.name = begin_scores.name AND r.status = 'running';
	SELECT s.* INTO t FROM leadscore.score_tables AS s WHERE s.name = begin_scores.name;
	IF t.name IS NOT NULL THEN
		PERFORM leadscore.check_author(format('where the scores of model "%s" are kept', t.name), t.created_by,
			'Call lead_refresh_scores() with source and target, or look at leadscore.score_tables.');
	END IF;
	IF t.name IS NULL OR to_regclass(t.target) IS NULL OR to_regclass(leadscore.history_of(t.target)) IS NULL THEN
		t := leadscore.score_table(name, NULL, NULL, schema, NULL, NULL);
	END IF;
	INSERT INTO leadscore.score_runs AS r (name, version, target, status)
	VALUES (name, @extschema@.lead_model_version(name), t.target, 'running')
	RETURNING r.score_run_id INTO run;
	RETURN run;
END;
$$;
COMMENT ON FUNCTION leadscore.begin_scores(text, text) IS 'notes that a scoring begins';

-- Scores a batch, the rows after a key, by the version that the run began with, and
-- counts it.  The source is read under the settings of the model's training.
-- last		in: the last key of the batch before, NULL at first; out: of this one
-- more		there may be another batch
CREATE FUNCTION leadscore.score_batch(run bigint, size integer, INOUT last text, OUT more boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET extra_float_digits = 1
AS $$
DECLARE
	t leadscore.score_tables;
	reference text;
	live integer;
	model bytea;
	cuts float8[];
	statement text;
	here jsonb := leadscore.current_settings();
	batch record;
	repeated boolean := false;
BEGIN
	SELECT s.* INTO t FROM leadscore.score_tables AS s JOIN leadscore.score_runs AS r USING (name) WHERE r.score_run_id = run;
	PERFORM leadscore.check_author(format('where the scores of model "%s" are kept', t.name), t.created_by,
		'Call lead_refresh_scores() with source and target, or look at leadscore.score_tables.');
	SELECT r.version, r.name || '@' || r.version INTO live, reference FROM leadscore.score_runs AS r WHERE r.score_run_id = run;
	model := @extschema@.lead_model(reference);
	cuts := @extschema@.lead_grade_cuts(reference, t.grades);
	statement := leadscore.score_statement(t, model);
	PERFORM leadscore.set_settings(leadscore.spec_of(reference)->'settings');
	BEGIN
		EXECUTE statement INTO batch USING model, cuts, last, live, size;
	EXCEPTION WHEN cardinality_violation THEN
		repeated := true;	-- ON CONFLICT met a key twice
	END;
	PERFORM leadscore.set_settings(here);
	IF NOT repeated THEN
		repeated := batch.repeated > 0;
	END IF;
	IF repeated THEN
		RAISE EXCEPTION 'key column "%" has a value more than once', t.key
			USING ERRCODE = 'cardinality_violation', HINT = 'A lead is scored once: give a source with one row for each key.';
	ELSIF batch.without_key > 0 THEN
		RAISE EXCEPTION 'key column "%" is NULL in some rows', t.key USING ERRCODE = 'null_value_not_allowed';
	END IF;
	UPDATE leadscore.score_runs AS r
	SET rows_read = r.rows_read + batch.rows_read, rows_scored = r.rows_scored + batch.rows_scored,
		batches = r.batches + 1,
		rows_a = r.rows_a + batch.rows_a, rows_b = r.rows_b + batch.rows_b,
		rows_c = r.rows_c + batch.rows_c, rows_d = r.rows_d + batch.rows_d,
		mean_score = (coalesce(r.mean_score, 0) * r.rows_scored + batch.sum_score)
			/ nullif(r.rows_scored + batch.rows_scored, 0)
	WHERE r.score_run_id = run;
	last := batch.last_key;
	more := batch.rows_read >= size;
END;
$$;
COMMENT ON FUNCTION leadscore.score_batch(bigint, integer, text) IS 'scores the batch of leads after a key';

-- A run ends, by itself or by a failure, which may have come before its row was written.
CREATE FUNCTION leadscore.end_scores(run bigint, name text, failure jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	r leadscore.score_runs;
BEGIN
	IF run IS NULL THEN
		INSERT INTO leadscore.score_runs AS s (name, target, status, ended_at, error, sqlstate)
		SELECT m.name, '', 'failed', clock_timestamp(), failure->>'message', failure->>'sqlstate'
		FROM leadscore.models AS m WHERE m.name = end_scores.name;
		RETURN NULL;
	END IF;
	UPDATE leadscore.score_runs AS s
	SET status = CASE WHEN failure IS NULL THEN 'finished' ELSE 'failed' END, ended_at = clock_timestamp(),
		error = failure->>'message', sqlstate = failure->>'sqlstate'
	WHERE s.score_run_id = run RETURNING * INTO r;
	RETURN format('%s of %s leads scored by version %s, in %s', r.rows_scored, r.rows_read, r.version, r.target);
END;
$$;
COMMENT ON FUNCTION leadscore.end_scores(bigint, text, jsonb) IS 'notes how a scoring ended';

-- What went wrong, as raise_failure() raises it again.
CREATE FUNCTION leadscore.failure(message text, detail text, hint text, sqlstate text) RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN jsonb_build_object('message', message, 'detail', nullif(detail, ''), 'hint', nullif(hint, ''), 'sqlstate', sqlstate);
COMMENT ON FUNCTION leadscore.failure(text, text, text, text) IS 'an error, to be recorded';

-- Scores what is new, changed or scored by another version, batch by batch, each
-- committed; failure says why it broke off.  What was committed stays, and the next run
-- goes on from there.  Whoever calls it holds the model's lock.
CREATE PROCEDURE leadscore.refresh_scores(name text, batch_size integer, INOUT result text, INOUT failure jsonb)
LANGUAGE plpgsql
AS $$
DECLARE
	run pg_catalog.int8;
	last pg_catalog.text;
	more pg_catalog.bool := true;
	message pg_catalog.text;
	detail pg_catalog.text;
	hint pg_catalog.text;
	code pg_catalog.text;
BEGIN
	BEGIN
		run := leadscore.begin_scores(name, pg_catalog.current_schema()::pg_catalog.text);
	EXCEPTION WHEN query_canceled OR OTHERS THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
			hint = PG_EXCEPTION_HINT, code = RETURNED_SQLSTATE;
		failure := leadscore.failure(message, detail, hint, code);
	END;
	COMMIT;
	WHILE failure IS NULL AND more LOOP
		BEGIN
			SELECT b.last, b.more INTO last, more FROM leadscore.score_batch(run, batch_size, last) AS b;
		EXCEPTION WHEN query_canceled OR OTHERS THEN
			GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
				hint = PG_EXCEPTION_HINT, code = RETURNED_SQLSTATE;
			failure := leadscore.failure(message, detail, hint, code);
		END;
		COMMIT;
	END LOOP;
	result := leadscore.end_scores(run, name, failure);
	COMMIT;
END;
$$;
COMMENT ON PROCEDURE leadscore.refresh_scores(text, integer, text, jsonb) IS
'scores leads batch by batch; the work of lead_refresh_scores() and of the job "score"';

-- CALL lead_refresh_scores(name, …): the scores of a model's leads, in a table.
-- name		a model; its champion scores
-- target	the table, made if it isn't there; the first time: the model's name, followed
--			by _scores, in the current schema
-- source	a table, a view, or one SELECT, with the model's columns and its key; the first
--			time: what the model was trained on.  An index on the key makes batches cheap
-- grades	see lead_grade_cuts(); reasons: how many, at the first time 3
-- batch_size	leads per transaction
-- What is given is kept for the next calls, and for the job "score", unless this one fails
-- by anything but a cancel.
-- errors	what broke the run off, once it is recorded in leadscore.score_runs; not within a
--			transaction block.  Another run under way is no error: it says so and leaves
CREATE PROCEDURE lead_refresh_scores(name text, target text DEFAULT NULL, source text DEFAULT NULL,
	grades jsonb DEFAULT NULL, reasons integer DEFAULT NULL, batch_size integer DEFAULT 10000)
LANGUAGE plpgsql
AS $$
DECLARE
	result pg_catalog.text;
	failure pg_catalog.jsonb;
	former leadscore.score_tables;
	message pg_catalog.text;
	detail pg_catalog.text;
	hint pg_catalog.text;
	code pg_catalog.text;
BEGIN
	IF name IS NULL THEN
		RAISE EXCEPTION 'the name of the model is NULL' USING ERRCODE = 'null_value_not_allowed';
	ELSIF batch_size IS NULL OR batch_size OPERATOR(pg_catalog.<) 1 THEN
		RAISE EXCEPTION 'batch_size must be at least 1' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	COMMIT;		-- impossible in a transaction block: better here than after the work
	IF NOT leadscore.take_job_lock(name) THEN
		RAISE NOTICE 'another run of model "%" is under way', name;
		RETURN;
	END IF;
	BEGIN
		SELECT t.* INTO former FROM leadscore.score_tables AS t WHERE t.name OPERATOR(pg_catalog.=) lead_refresh_scores.name;
		PERFORM leadscore.score_table(name, leadscore.source_of(source), target,
			pg_catalog.current_schema()::pg_catalog.text, grades, reasons);
		PERFORM leadscore.tell_unindexed(name, batch_size);
	EXCEPTION WHEN query_canceled OR OTHERS THEN
		GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
			hint = PG_EXCEPTION_HINT, code = RETURNED_SQLSTATE;
		-- before a run has begun nothing can be recorded of it
		failure := leadscore.failure(message, coalesce(nullif(detail, ''), 'No run was begun.'),
			coalesce(nullif(hint, ''), 'Call lead_refresh_scores() again when this is mended.'), code);
	END;
	COMMIT;
	IF failure IS NULL THEN
		CALL leadscore.refresh_scores(name, batch_size, result, failure);
		IF failure IS NOT NULL THEN
			failure := leadscore.forget_told(name, former, failure);
			COMMIT;
		END IF;
	END IF;
	PERFORM leadscore.give_job_lock();
	IF failure IS NOT NULL THEN
		PERFORM leadscore.raise_failure(failure);
	END IF;
	RAISE NOTICE '%', result;
END;
$$;
COMMENT ON PROCEDURE lead_refresh_scores(text, text, text, jsonb, integer, integer) IS
'scores a model''s leads into a table: what is new, changed or scored by another version';
