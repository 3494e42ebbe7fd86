----------------------------------------------------------------------------
-- A model's recipe
----------------------------------------------------------------------------

-- One change of a model at a time.  The lock goes with the transaction.
CREATE FUNCTION leadscore.lock(name text, wait boolean DEFAULT true)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF name IS NULL OR pg_try_advisory_xact_lock(hashtext('leadscore'), hashtext(name)) THEN
		RETURN true;
	END IF;
	IF wait THEN
		RAISE NOTICE 'model "%" is being changed by another session: waiting', name;
		PERFORM pg_advisory_xact_lock(hashtext('leadscore'), hashtext(name));
	END IF;
	RETURN wait;
END;
$$;
COMMENT ON FUNCTION leadscore.lock(text, boolean) IS
'lock a model until the transaction ends; false if another session has it and wait is false';

-- An error unless the text is one query that only reads.
CREATE FUNCTION leadscore.check_query(query text) RETURNS void
AS 'MODULE_PATHNAME', 'lead_check_query' LANGUAGE C STABLE STRICT;

-- An expression over a relation's columns, with every name qualified; the
-- relation's columns as s.…, and which of them it needs.
CREATE FUNCTION leadscore.resolve_expression(relation regclass, written text,
	OUT expression text, OUT type regtype, OUT columns text[])
AS 'MODULE_PATHNAME', 'lead_resolve_expression' LANGUAGE C STABLE STRICT;

-- The relation of this name under the caller's search_path; NULL if there is
-- none, or if the text is no name.
CREATE FUNCTION leadscore.relation_named(written text)
RETURNS regclass
LANGUAGE plpgsql STABLE
AS $$
BEGIN
	RETURN pg_catalog.to_regclass(written);
EXCEPTION WHEN syntax_error OR invalid_name OR feature_not_supported THEN
	RETURN NULL;
END;
$$;

-- What to write for a relation whose name was given without the quotes that it
-- needs, also behind a schema; NULL if there is none.
CREATE FUNCTION leadscore.quoted_relation(written text)
RETURNS text
LANGUAGE plpgsql STABLE
AS $$
DECLARE
	dot pg_catalog.int4 := pg_catalog.strpos(written, '.');
	tried pg_catalog.text;
BEGIN
	FOREACH tried IN ARRAY ARRAY[pg_catalog.quote_ident(written), pg_catalog.concat(
		pg_catalog.quote_ident(pg_catalog.substr(written, 1, GREATEST(dot OPERATOR(pg_catalog.-) 1, 0))), '.',
		pg_catalog.quote_ident(pg_catalog.substr(written, dot OPERATOR(pg_catalog.+) 1)))]
	LOOP
		IF leadscore.relation_named(tried) IS NOT NULL THEN
			RETURN tried;
		END IF;
	END LOOP;
	RETURN NULL;
END;
$$;

-- A view's query that means the same under any search_path and DateStyle.
CREATE FUNCTION leadscore.view_query(view regclass)
RETURNS text
LANGUAGE sql STABLE
SET search_path = '' SET DateStyle = 'ISO' SET IntervalStyle = 'postgres'
AS $$ SELECT rtrim(pg_get_viewdef(view), E' ;\n') $$;

-- What stands after FROM for a source, and a relation that has its columns: the
-- source itself, or a temporary view of a query, which the caller drops.
CREATE FUNCTION leadscore.resolve_source(written text,
	OUT relation regclass, OUT source text, OUT is_query boolean)
LANGUAGE plpgsql
AS $$
DECLARE
	quoted pg_catalog.text;
BEGIN
	relation := leadscore.relation_named(written);
	is_query := relation IS NULL;
	IF NOT is_query THEN
		source := leadscore.relation_name(relation);
		RETURN;
	END IF;
	IF written OPERATOR(pg_catalog.!~*) '^[\s(]*(select|with|values|table|/\*|--)' THEN
		quoted := leadscore.quoted_relation(written);
		RAISE EXCEPTION 'source "%" does not exist', written
			USING ERRCODE = 'undefined_table', HINT = CASE WHEN quoted IS NULL THEN 'Name a table or view, or write one SELECT.'
				ELSE pg_catalog.format('A source is SQL, which reads this name only in double quotes: write %L.', quoted) END;
	END IF;
	PERFORM leadscore.check_query(written);
	EXECUTE pg_catalog.concat('CREATE TEMPORARY VIEW "leadscore source" AS ', written);
	relation := 'pg_temp."leadscore source"';
	source := pg_catalog.concat('(', leadscore.view_query(relation), ')');
END;
$$;

CREATE FUNCTION leadscore.relation_name(relation regclass)
RETURNS text
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	c record;
BEGIN
	SELECT r.relname, r.relkind, r.relpersistence, n.nspname INTO c
	FROM pg_class AS r JOIN pg_namespace AS n ON n.oid = r.relnamespace
	WHERE r.oid = relation;
	IF c.relkind NOT IN ('r', 'p', 'v', 'm', 'f') THEN
		RAISE EXCEPTION '"%" is no table or view', c.relname USING ERRCODE = 'wrong_object_type';
	END IF;
	RETURN format('%I.%I', CASE WHEN c.relpersistence = 't' THEN 'pg_temp' ELSE c.nspname END, c.relname);
END;
$$;

-- The columns of a relation as [{"name": …, "type": …}, …].
CREATE FUNCTION leadscore.columns_of(relation regclass)
RETURNS jsonb
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(jsonb_agg(jsonb_build_object('name', attname, 'type', format_type(atttypid, NULL))
		ORDER BY attnum), '[]')
	FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped
$$;

-- Does one unique index see to it that the column has no value twice?
CREATE FUNCTION leadscore.is_unique(relation regclass, "column" text)
RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT EXISTS (SELECT FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
		WHERE i.indrelid = relation AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1
			AND i.indpred IS NULL AND a.attname = "column")
$$;

CREATE FUNCTION leadscore.primary_key(relation regclass)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT a.attname::text FROM pg_index AS i JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
	WHERE i.indrelid = relation AND i.indisprimary AND i.indnkeyatts = 1
$$;

-- An error unless all keys of an object are among those known.
CREATE FUNCTION leadscore.check_keys(what text, given jsonb, known text[])
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	bad text;
BEGIN
	IF given IS NULL THEN
		RETURN;
	END IF;
	IF jsonb_typeof(given) <> 'object' THEN
		RAISE EXCEPTION '% must be a JSON object', what USING ERRCODE = 'invalid_parameter_value',
			HINT = format('Its keys are: %s.', array_to_string(known, ', '));
	END IF;
	SELECT min(k) INTO bad FROM jsonb_object_keys(given) AS k WHERE k <> ALL (known);
	IF bad IS NOT NULL THEN
		RAISE EXCEPTION 'unknown key "%" in %', bad, what USING ERRCODE = 'invalid_parameter_value',
			HINT = format('The keys are: %s.', array_to_string(known, ', '));
	END IF;
END;
$$;

-- A number of an object, or NULL; an error if it is no number from low to high.
CREATE FUNCTION leadscore.number_of(what text, given jsonb, key text, low float8, high float8)
RETURNS float8
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	x float8;
BEGIN
	IF NOT coalesce(given ? key, false) THEN
		RETURN NULL;
	END IF;
	-- a number may be larger than any float8
	IF jsonb_typeof(given->key) = 'number' AND abs((given->>key)::numeric) <= 1e300 THEN
		x := (given->>key)::float8;
	END IF;
	IF x IS NULL OR x < low OR x > high THEN
		RAISE EXCEPTION 'invalid value for "%" in %', key, what USING ERRCODE = 'invalid_parameter_value',
			DETAIL = format('It must be a number from %s to %s.', low, high);
	END IF;
	RETURN x;
END;
$$;

-- An error unless the source has all of these columns.
CREATE FUNCTION leadscore.check_columns(what text, wanted text[], columns jsonb)
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	lacking text;
BEGIN
	SELECT w INTO lacking FROM unnest(wanted) WITH ORDINALITY AS u(w, i)
	WHERE NOT columns @> jsonb_build_array(jsonb_build_object('name', w)) ORDER BY i LIMIT 1;
	IF lacking IS NOT NULL THEN
		RAISE EXCEPTION 'the source has no column "%"', lacking
			USING ERRCODE = 'undefined_column', DETAIL = format('It is named as %s.', what),
				HINT = format('Its columns are: %s.',
					(SELECT string_agg(c->>'name', ', ') FROM jsonb_array_elements(columns) AS c));
	END IF;
END;
$$;

-- An error unless these are options of encoding and fit.
CREATE FUNCTION leadscore.check_options(options jsonb) RETURNS void
AS 'MODULE_PATHNAME', 'lead_check_options' LANGUAGE C IMMUTABLE STRICT;

-- A gate, checked.  A key that is null is one that is not there.
CREATE FUNCTION leadscore.check_gate(gate jsonb)
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	k text;
BEGIN
	PERFORM leadscore.check_keys('gate', gate, '{min_auc,min_precision,min_recall,max_log_loss,threshold,
		margin,log_loss_ratio,min_rows,min_positives,promote,too_few}');
	gate := jsonb_strip_nulls(gate);
	FOREACH k IN ARRAY '{min_auc,min_precision,min_recall,threshold,margin}'::text[] LOOP
		PERFORM leadscore.number_of('gate', gate, k, 0, 1);
	END LOOP;
	PERFORM leadscore.number_of('gate', gate, 'max_log_loss', 0, 1e9);
	PERFORM leadscore.number_of('gate', gate, 'log_loss_ratio', 0.1, 10);
	PERFORM leadscore.number_of('gate', gate, 'min_rows', 0, 1e15);
	PERFORM leadscore.number_of('gate', gate, 'min_positives', 0, 1e15);
	IF gate ? 'promote' AND gate->>'promote' NOT IN ('passed', 'always', 'never') THEN
		RAISE EXCEPTION 'invalid value for "promote" in gate' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'It must be "passed", "always" or "never".';
	END IF;
	IF gate ? 'too_few' AND gate->>'too_few' NOT IN ('keep', 'promote') THEN
		RAISE EXCEPTION 'invalid value for "too_few" in gate' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'It must be "keep" or "promote".';
	END IF;
END;
$$;

-- The type behind a domain, and behind domains over domains.
CREATE FUNCTION leadscore.base_type(type regtype)
RETURNS regtype
LANGUAGE sql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
	WITH RECURSIVE b AS (
		SELECT type::oid AS oid
		UNION ALL
		SELECT t.typbasetype FROM b JOIN pg_type AS t USING (oid) WHERE t.typtype = 'd'
	)
	SELECT b.oid::regtype FROM b JOIN pg_type AS t USING (oid) WHERE t.typtype <> 'd'
$$;

-- An error unless the column's order is that of time: texts are sorted by letters.
CREATE FUNCTION leadscore.check_time_column(relation regclass, "column" text)
RETURNS void
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type regtype := (SELECT atttypid FROM pg_attribute WHERE attrelid = relation AND attname = "column" AND NOT attisdropped);
BEGIN
	IF leadscore.base_type(type) NOT IN ('date', 'timestamp', 'timestamptz', 'smallint', 'integer', 'bigint',
		'numeric', 'real', 'double precision') THEN
		RAISE EXCEPTION 'the time column "%" is of type %, not a date or timestamp', "column", type
			USING ERRCODE = 'datatype_mismatch', DETAIL = 'The latest rows are held out by its order; a number that grows with time will do, too.',
				HINT = 'Cast it in the source: a SELECT, or a view.';
	END IF;
END;
$$;

-- A hold-out, complete: {by, column, share, seed}.
CREATE FUNCTION leadscore.make_holdout(holdout jsonb, relation regclass, columns jsonb, key text, time_column text)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	way text := holdout->>'by';
	col text := holdout->>'column';
	type text;
BEGIN
	PERFORM leadscore.check_keys('holdout', holdout, '{by,column,share,seed}');
	PERFORM leadscore.number_of('holdout', holdout, 'share', 0.01, 0.9);
	PERFORM leadscore.number_of('holdout', holdout, 'seed', -9e15, 9e15);
	IF (holdout->>'seed')::numeric <> round((holdout->>'seed')::numeric) THEN
		RAISE EXCEPTION 'invalid value for "seed" in holdout' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'It must be an integer.';
	END IF;
	way := coalesce(way, CASE WHEN col IS NOT NULL THEN 'column' WHEN time_column IS NOT NULL THEN 'time' ELSE 'key' END);
	col := CASE way WHEN 'key' THEN coalesce(col, key) WHEN 'time' THEN coalesce(col, time_column) ELSE col END;
	IF way NOT IN ('key', 'time', 'group', 'column', 'none') THEN
		RAISE EXCEPTION 'invalid value for "by" in holdout' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'It must be "key", "time", "group", "column" or "none".';
	END IF;
	IF way = 'none' THEN
		RETURN '{"by": "none"}';
	END IF;
	IF col IS NULL THEN
		RAISE EXCEPTION 'which rows are to be held out?' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = CASE way WHEN 'key' THEN 'There is no key column whose hash could tell, and no time column.'
				ELSE format('Hold-out by %s needs a column.', way) END,
			HINT = CASE way WHEN 'key' THEN 'Name the column that identifies a lead, key => ''lead_id'', or do without: holdout => ''{"by": "none"}''.'
				ELSE format('Write {"by": "%s", "column": …}.', way) END;
	END IF;
	PERFORM leadscore.check_columns('column of the hold-out', ARRAY[col], columns);
	IF way = 'time' THEN
		PERFORM leadscore.check_time_column(relation, col);
	END IF;
	SELECT c->>'type' INTO type FROM jsonb_array_elements(columns) AS c WHERE c->>'name' = col;
	IF way = 'column' AND type <> 'boolean' THEN
		RAISE EXCEPTION 'column "%" has type %, not boolean', col, type USING ERRCODE = 'datatype_mismatch',
			HINT = 'A hold-out by column takes the rows where it is true.';
	END IF;
	RETURN jsonb_build_object('by', way, 'column', col) || CASE way WHEN 'column' THEN '{}'
		WHEN 'time' THEN jsonb_build_object('share', coalesce((holdout->>'share')::numeric, 0.2))
		ELSE jsonb_build_object('share', coalesce((holdout->>'share')::numeric, 0.2),
			'seed', coalesce((holdout->>'seed')::numeric::bigint, 0)) END;
END;
$$;

-- Strings of an option that may be one string or an array of them.
CREATE FUNCTION leadscore.names_of(given jsonb)
RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE jsonb_typeof(given) WHEN 'string' THEN ARRAY[given #>> '{}']
		WHEN 'array' THEN ARRAY(SELECT jsonb_array_elements_text(given)) ELSE '{}' END
$$;

-- The recipe of a training, from what was asked for and what it resolved to.
CREATE FUNCTION leadscore.make_spec(relation regclass, source text, is_query boolean,
	label text, label_type regtype, label_columns text[], written jsonb, features text[], exclude text[], key text, time_column text, options jsonb,
	holdout jsonb, gate jsonb, refit boolean)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	columns jsonb := leadscore.columns_of(relation);
	options jsonb := coalesce(make_spec.options, '{}');
	key text := coalesce(make_spec.key, leadscore.primary_key(relation));
	roles text[];
	unwanted text[];
	derived text[];
	chosen text[];
	spec jsonb;
BEGIN
	IF leadscore.base_type(label_type) NOT IN ('boolean', 'smallint', 'integer', 'bigint') THEN
		RAISE EXCEPTION 'the label must be boolean or integer, not %', label_type USING ERRCODE = 'datatype_mismatch',
			HINT = 'Write a condition that is true for a converted lead.';
	END IF;
	IF jsonb_typeof(options) <> 'object' THEN
		RAISE EXCEPTION 'options must be a JSON object' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF options ? 'names' THEN
		RAISE EXCEPTION 'option "names" does not act here' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Choose columns with features => or exclude =>.';
	END IF;
	PERFORM leadscore.check_options(options);
	PERFORM leadscore.check_gate(gate);
	PERFORM leadscore.check_columns('feature', features, columns);
	PERFORM leadscore.check_columns('column to exclude', exclude || leadscore.names_of(options->'exclude'), columns);
	PERFORM leadscore.check_columns('key', ARRAY[key], columns) WHERE key IS NOT NULL;
	PERFORM leadscore.check_columns('time column', ARRAY[time_column], columns) WHERE time_column IS NOT NULL;
	PERFORM leadscore.check_time_column(relation, time_column);
	holdout := leadscore.make_holdout(holdout, relation, columns, key, time_column);

	roles := ARRAY(SELECT options->>r FROM unnest('{weight,offset,group,time}'::text[]) AS r WHERE options ? r);
	unwanted := array_remove(exclude || leadscore.names_of(options->'exclude') || key
		|| CASE WHEN holdout->>'by' = 'column' THEN holdout->>'column' END
		|| CASE WHEN NOT coalesce(options->'columns' ? time_column, false) THEN time_column END, NULL);
	IF features IS NULL THEN
		-- what the label is computed from knows the label
		SELECT array_agg(l) INTO derived FROM unnest(label_columns) AS l
		WHERE l <> ALL (unwanted) AND l <> ALL (roles) AND NOT coalesce(options->'columns' ? l, false);
		IF derived IS NOT NULL AND label <> format('s.%I', derived[1]) THEN
			RAISE NOTICE 'left out %: the label is computed from %',
				CASE WHEN cardinality(derived) = 1 THEN 'column ' ELSE 'columns ' END
				|| (SELECT string_agg('"' || d || '"', ', ') FROM unnest(derived) AS d),
				CASE WHEN cardinality(derived) = 1 THEN 'it' ELSE 'them' END;
		END IF;
		unwanted := unwanted || derived;
	END IF;
	chosen := ARRAY(SELECT c->>'name' FROM jsonb_array_elements(columns) WITH ORDINALITY AS e(c, i)
		WHERE c->>'name' = ANY (roles)
			OR CASE WHEN features IS NULL THEN c->>'name' <> ALL (unwanted)
				ELSE c->>'name' = ANY (features) AND c->>'name' <> ALL (coalesce(exclude, '{}')) END
		ORDER BY i);
	IF cardinality(chosen) = 0 THEN
		RAISE EXCEPTION 'no column is left to learn from' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	spec := jsonb_build_object(
		'written', written,
		'source', source,
		'scan', CASE WHEN is_query OR (SELECT relkind = 'v' FROM pg_class WHERE oid = relation)
			THEN 'query' ELSE 'table' END,
		'columns', columns,
		'label', label,
		'label_columns', to_jsonb(label_columns),
		'features', to_jsonb(chosen),
		'key', key,
		'key_unique', key IS NOT NULL AND leadscore.is_unique(relation, key),
		'time', time_column,
		-- what is meant today must not depend on the session of tomorrow
		'options', options - 'exclude' || jsonb_build_object('timezone',
			coalesce(options->>'timezone', current_setting('TimeZone'))),
		'holdout', holdout,
		'gate', coalesce(jsonb_strip_nulls(gate), '{}'),
		'refit', coalesce(refit, false));
	PERFORM leadscore.held_out(spec);	-- an error now rather than in the run
	RETURN spec;
END;
$$;

-- What the session of the training had set, to be set again.
CREATE FUNCTION leadscore.current_settings()
RETURNS jsonb
LANGUAGE sql STABLE
RETURN pg_catalog.jsonb_build_object('search_path', pg_catalog.current_setting('search_path'),
	'TimeZone', pg_catalog.current_setting('TimeZone'),
	'DateStyle', pg_catalog.current_setting('DateStyle'),
	'IntervalStyle', pg_catalog.current_setting('IntervalStyle'));
