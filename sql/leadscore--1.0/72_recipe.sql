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

----------------------------------------------------------------------------
-- The one query of a training
----------------------------------------------------------------------------

-- A column of the source, s.…, as what lead_fold() takes.
CREATE FUNCTION leadscore.fold_argument(spec jsonb, "column" text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type text;
BEGIN
	SELECT c->>'type' INTO type FROM jsonb_array_elements(spec->'columns') AS c WHERE c->>'name' = "column";
	IF type IN ('smallint', 'integer', 'bigint') THEN
		RETURN format('s.%I::pg_catalog.int8', "column");
	ELSIF type IN ('uuid', 'date') THEN
		RETURN format('s.%I', "column");
	ELSIF type IN ('real', 'double precision', 'timestamp without time zone', 'timestamp with time zone', 'interval',
		'json', 'jsonb', 'bytea') THEN
		RAISE EXCEPTION 'column "%" of type % cannot tell which rows are held out', "column", type
			USING ERRCODE = 'datatype_mismatch', HINT = 'Take a number, text, uuid or date.';
	END IF;
	RETURN format('s.%I::pg_catalog.text', "column");
END;
$$;

-- Is a row of s held out?  A cut by time is the one given, or else c.cut.
CREATE FUNCTION leadscore.held_out(spec jsonb, cut text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	h jsonb := spec->'holdout';
	col text := h->>'column';
	share numeric := (h->>'share')::numeric;
	parts integer := CASE WHEN 1 / share = round(1 / share) THEN round(1 / share) ELSE 1000 END;
	seed bigint := h->>'seed';
	type text;
BEGIN
	CASE h->>'by'
		WHEN 'none' THEN
			RETURN 'false';
		WHEN 'column' THEN
			RETURN format('COALESCE(s.%I, false)', col);
		WHEN 'time' THEN
			SELECT c->>'type' INTO type FROM jsonb_array_elements(spec->'columns') AS c WHERE c->>'name' = col;
			RETURN format('COALESCE(s.%I OPERATOR(pg_catalog.>) %s, false)', col,
				CASE WHEN cut IS NULL THEN 'c.cut' ELSE format('%L::%s', cut, type) END);
		ELSE
			-- a fifth is fold 0 of 5, as one would write it by hand
			RETURN format('COALESCE(@extschema@.lead_fold(%s, %s, %s) OPERATOR(pg_catalog.<) %s, false)',
				leadscore.fold_argument(spec, col), parts, seed, greatest(1, round(share * parts)));
	END CASE;
END;
$$;

-- Those of a spec's options that act when a frame is built, for the rows that
-- judge: without weights, for rows count as rows there.
CREATE FUNCTION leadscore.frame_options(spec jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT jsonb_strip_nulls(jsonb_build_object('max_distinct', 10000000, 'timezone', spec #> '{options,timezone}',
			'offset', spec #> '{options,offset}'))
		|| coalesce((SELECT jsonb_build_object('columns', jsonb_object_agg(key, jsonb_build_object('parts', value->'parts')))
			FROM jsonb_each(spec #> '{options,columns}') WHERE value ? 'parts' HAVING count(*) > 0), '{}')
$$;

-- Columns that a spec's model is scored with.
CREATE FUNCTION leadscore.scored_columns(spec jsonb)
RETURNS text[]
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT ARRAY(SELECT f FROM jsonb_array_elements_text(spec->'features') WITH ORDINALITY AS e(f, i)
		WHERE f IS DISTINCT FROM spec #>> '{options,weight}' AND f IS DISTINCT FROM spec #>> '{options,group}'
			AND f IS DISTINCT FROM spec #>> '{options,time}'
		ORDER BY i)
$$;

-- The half of a hold-out by hash that a recalibration has left alone, and the half
-- of that which the next one did.
CREATE FUNCTION leadscore.halves(spec jsonb, times integer)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(string_agg(format(' AND @extschema@.lead_fold(%s, 2, %s) OPERATOR(pg_catalog.=) 1',
		leadscore.fold_argument(spec, CASE spec #>> '{holdout,by}' WHEN 'column' THEN spec->>'key' ELSE spec #>> '{holdout,column}' END),
		coalesce((spec #>> '{holdout,seed}')::bigint, 0) + i), '' ORDER BY i), '') FROM generate_series(1, times) AS i
$$;

-- Rows that a champion has not been trained on.  NULL where it has seen all, or
-- cannot be scored because the columns of the source lack some of its own.
CREATE FUNCTION leadscore.not_seen(champion jsonb, columns jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE
		WHEN EXISTS (SELECT FROM unnest(leadscore.scored_columns(champion)) AS c
			WHERE NOT columns @> jsonb_build_array(jsonb_build_object('name', c))) THEN NULL
		-- its rows are told by a column of this name and type
		WHEN NOT columns @> (SELECT coalesce(jsonb_agg(c), '[]') FROM jsonb_array_elements(champion->'columns') AS c
			WHERE c->>'name' = champion #>> '{holdout,column}') THEN NULL
		WHEN champion #>> '{holdout,by}' = 'none' THEN NULL
		WHEN champion #>> '{holdout,by}' <> 'time' THEN
			CASE WHEN NOT (champion->>'refit')::boolean THEN leadscore.held_out(champion)
				|| leadscore.halves(champion, coalesce((champion #>> '{holdout,halved}')::integer, 0)) END
		WHEN (champion->>'refit')::boolean THEN
			CASE WHEN champion #>> '{holdout,seen}' IS NOT NULL THEN leadscore.held_out(champion, champion #>> '{holdout,seen}') END
		WHEN champion #>> '{holdout,cut}' IS NOT NULL THEN leadscore.held_out(champion, champion #>> '{holdout,cut}') END
$$;

-- An aggregate over columns of s, or over a row where they are too many.
CREATE FUNCTION leadscore.aggregate(function text, names text[], options jsonb, filter text, alias text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT CASE WHEN cardinality(names) <= 97 THEN
		format('@extschema@.%I(t.label, %L::pg_catalog.jsonb, %s) FILTER (WHERE %s) AS %I', function || '_columns',
			options || jsonb_build_object('names', to_jsonb(names)),
			(SELECT string_agg(format('s.%I', n), ', ' ORDER BY i) FROM unnest(names) WITH ORDINALITY AS u(n, i)),
			filter, alias)
	ELSE
		format('@extschema@.%I(t.label, (SELECT r FROM (SELECT %s) AS r), %L::pg_catalog.jsonb) FILTER (WHERE %s) AS %I', function,
			(SELECT string_agg(format('s.%1$I AS %1$I', n), ', ' ORDER BY i) FROM unnest(names) WITH ORDINALITY AS u(n, i)),
			options, filter, alias)
	END
$$;

-- The source's rows as s, with t.label and whether they are held out, t.held; prefix
-- goes before the SELECT.
CREATE FUNCTION leadscore.source_rows(spec jsonb, OUT prefix text, OUT rows text)
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	source text := spec->>'source';
	cut text := '';
BEGIN
	prefix := '';
	IF (spec #>> '{holdout,by}') = 'time' THEN
		-- what is computed is computed once; a table is read again for its times
		IF spec->>'scan' = 'query' THEN
			prefix := format('WITH "leadscore source" AS MATERIALIZED (SELECT * FROM %s AS s) ', source);
			source := '"leadscore source"';
		END IF;
		cut := format(' CROSS JOIN (SELECT pg_catalog.percentile_disc(%s) WITHIN GROUP (ORDER BY s.%I) AS cut FROM %s AS s'
			' WHERE (%s) IS NOT NULL) AS c', 1 - (spec #>> '{holdout,share}')::numeric, spec #>> '{holdout,column}',
			source, spec->>'label');
	END IF;
	rows := format(' FROM %s AS s%s CROSS JOIN LATERAL (SELECT (%s) AS label, %s AS held) AS t',
		source, cut, spec->>'label', leadscore.held_out(spec));
END;
$$;

-- The source in one scan: the model and what is known of its rows (`training`,
-- and `refitted` on all), the rows held out as a frame (`holdout`) and those
-- of them that the champion has not seen either (`common`, where these are
-- others), the rows of a forest for which nothing is held out (`bagged`), and counts.  With fit false the same without a model.
CREATE FUNCTION leadscore.training_query(spec jsonb, champion jsonb DEFAULT NULL, fit boolean DEFAULT true)
RETURNS text
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	names text[] := ARRAY(SELECT jsonb_array_elements_text(spec->'features'));
	options jsonb := spec->'options';
	source record := leadscore.source_rows(spec);
	held text := leadscore.held_out(spec);
	unseen text := leadscore.not_seen(champion, spec->'columns');
	scored text[] := leadscore.scored_columns(spec);
	frame_options jsonb := leadscore.frame_options(spec);
	"time" text := spec->>'time';
	type text;
	extra text[];
BEGIN
	SELECT c->>'type' INTO type FROM jsonb_array_elements(spec->'columns') AS c WHERE c->>'name' = "time";
	IF unseen IS NOT NULL THEN
		-- the champion must find its columns, too
		extra := ARRAY(SELECT x FROM unnest(leadscore.scored_columns(champion)) AS x
			WHERE x <> ALL (scored));
		scored := scored || extra;
		frame_options := leadscore.frame_options(champion) || frame_options
			|| coalesce((SELECT jsonb_build_object('columns', jsonb_object_agg(c, jsonb_build_object('parts', parts)))
				FROM (SELECT c, jsonb_agg(DISTINCT p) AS parts
					FROM unnest(ARRAY[leadscore.frame_options(champion), leadscore.frame_options(spec)]) AS o,
						jsonb_each(o->'columns') AS e(c, v), jsonb_array_elements(
							CASE jsonb_typeof(v->'parts') WHEN 'array' THEN v->'parts' ELSE jsonb_build_array(v->'parts') END) AS p
					WHERE c = ANY (scored) GROUP BY c) AS u HAVING count(*) > 0), '{}');
	END IF;
	RETURN source.prefix || 'SELECT '
		|| leadscore.aggregate(CASE WHEN fit THEN 'lead_training' ELSE 'lead_facts' END, names, options, 'NOT t.held', 'training')
		|| ', ' || CASE WHEN fit AND (spec->>'refit')::boolean
			THEN leadscore.aggregate('lead_training', names, options, 'true', 'refitted')
			ELSE 'NULL::@extschema@.lead_trained AS refitted' END
		|| ', ' || CASE WHEN fit AND held <> 'false'
			THEN leadscore.aggregate('lead_frame', scored, frame_options, 't.held', 'holdout')
			ELSE 'NULL::@extschema@.leadframe AS holdout' END
		|| ', ' || CASE WHEN fit AND held <> 'false' AND unseen IS NOT NULL AND unseen <> held
			THEN leadscore.aggregate('lead_frame', scored, frame_options, 't.held AND ' || unseen, 'common')
			ELSE 'NULL::@extschema@.leadframe AS common' END
		|| ', ' || CASE WHEN fit AND held = 'false' AND options->>'family' = 'forest'
			THEN leadscore.aggregate('lead_frame', names, leadscore.framing_options(spec), 'true', 'bagged')
			ELSE 'NULL::@extschema@.leadframe AS bagged' END
		|| ', pg_catalog.count(*) AS total, pg_catalog.count(t.label) AS labelled'
		|| ', pg_catalog.count(t.label) FILTER (WHERE t.held) AS held_out'
		|| CASE WHEN type IN ('date', 'timestamp without time zone', 'timestamp with time zone')
			THEN format(', pg_catalog.min(s.%1$I) FILTER (WHERE t.label IS NOT NULL)::pg_catalog.timestamptz AS data_from'
				', pg_catalog.max(s.%1$I) FILTER (WHERE t.label IS NOT NULL)::pg_catalog.timestamptz AS data_to', "time")
			ELSE ', NULL::pg_catalog.timestamptz AS data_from, NULL::pg_catalog.timestamptz AS data_to' END
		|| CASE WHEN (spec #>> '{holdout,by}') = 'time'
			THEN format(', pg_catalog.to_jsonb(pg_catalog.min(c.cut)) AS cut'
				', pg_catalog.to_jsonb(pg_catalog.max(s.%I) FILTER (WHERE t.label IS NOT NULL)) AS seen', spec #>> '{holdout,column}')
			ELSE ', NULL::pg_catalog.jsonb AS cut, NULL::pg_catalog.jsonb AS seen' END
		|| CASE WHEN spec->>'key' IS NOT NULL AND NOT (spec->>'key_unique')::boolean
			THEN format(', pg_catalog.count(s.%1$I) OPERATOR(pg_catalog.-) pg_catalog.count(DISTINCT s.%1$I) AS duplicates', spec->>'key')
			ELSE ', 0::pg_catalog.int8 AS duplicates' END
		|| source.rows;
END;
$$;
COMMENT ON FUNCTION leadscore.training_query(jsonb, jsonb, boolean) IS
'the query that trains by a recipe: one scan of the source';

-- A recipe whose time column tells the time of folds, if it has one that is no feature.
CREATE FUNCTION leadscore.with_time_role(spec jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
RETURN CASE WHEN spec->>'time' IS NULL OR spec->'options' ? 'time' OR spec->'features' ? (spec->>'time') OR spec ? 'frames' THEN spec
	ELSE jsonb_set(jsonb_set(spec, '{features}', (spec->'features') || (spec->'time')), '{options,time}', spec->'time') END;
COMMENT ON FUNCTION leadscore.with_time_role(jsonb) IS 'a recipe whose time column tells the time of folds';

-- The rows that a recipe trains on, as a frame: those of the source that are not held
-- out, or those of kept frames where it is trained on them.
-- folds_by	what the frame is to be divided by: 'time' takes the recipe's time column
CREATE FUNCTION leadscore.recipe_frame(name text, spec jsonb, folds_by text)
RETURNS leadframe
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
	source record;
	frame @extschema@.leadframe;
	here pg_catalog.jsonb := leadscore.current_settings();
BEGIN
	IF spec OPERATOR(pg_catalog.?) 'frames' THEN
		RETURN leadscore.training_frame(name, spec);
	END IF;
	IF folds_by OPERATOR(pg_catalog.=) 'time' THEN
		spec := leadscore.with_time_role(spec);
	END IF;
	source := leadscore.source_rows(spec);
	PERFORM leadscore.set_settings(spec OPERATOR(pg_catalog.->) 'settings');
	EXECUTE pg_catalog.concat(source.prefix, 'SELECT ', leadscore.aggregate('lead_frame',
		ARRAY(SELECT pg_catalog.jsonb_array_elements_text(spec OPERATOR(pg_catalog.->) 'features')),
		leadscore.framing_options(spec), 'NOT t.held', 'frame'), source.rows) INTO frame;
	PERFORM leadscore.set_settings(here);
	RETURN frame;
END;
$$;
COMMENT ON FUNCTION leadscore.recipe_frame(text, jsonb, text) IS 'the rows that a model''s recipe trains on, as a frame';

----------------------------------------------------------------------------
-- Checks before a training
----------------------------------------------------------------------------

-- What is wrong with the rows, or remarkable.  columns are facts as
-- lead_training() finds them, before those of the last version or NULL.
CREATE FUNCTION leadscore.judge_rows(spec jsonb, columns jsonb, before jsonb,
	rows bigint, positives bigint, unknown bigint, duplicates bigint, held_out bigint,
	OUT "check" text, OUT severity text, OUT "column" text, OUT detail text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	min_rows bigint := coalesce((spec #>> '{gate,min_rows}')::bigint, 50);
	min_positives bigint := coalesce((spec #>> '{gate,min_positives}')::bigint, 10);
	allowed text[] := leadscore.names_of(spec #> '{options,allow}');
BEGIN
	severity := 'error';
	"check" := 'rows';
	IF rows < min_rows THEN
		detail := format('%s labelled rows to train on, at least %s are demanded', rows, min_rows);
		RETURN NEXT;
	END IF;
	"check" := 'outcomes';
	IF least(positives, rows - positives) < min_positives THEN
		detail := format('%s labels are true and %s false, at least %s of each are demanded',
			positives, rows - positives, min_positives);
		RETURN NEXT;
	END IF;

	-- Leaks: each column once, for the strongest reason.  A late winner counts as a
	-- loser and still has what only winners get, so being filled in need not be pure
	-- to tell.  odds: of a true label where it is filled in over those where it is not.
	RETURN QUERY
	SELECT 'leak', CASE WHEN l.tells_all OR l.by_value > 0.99 OR l.by_filling >= 0.95 THEN 'error' ELSE 'warning' END,
		f->>'column', CASE
		WHEN f->>'left_out' = 'determines the label' THEN concat('it alone determines the label: ', f->>'detail')
		WHEN l.tells_all
			THEN format('it is filled in %s times, and only where the label is true', l.filled_true)
		WHEN l.by_filling >= 0.95 OR coalesce(l.by_value < 0.95, true)
			THEN format('it is filled in in %s of %s rows whose label is true and in %s of %s others: that alone has an AUC of %s',
				l.filled_true, positives, l.filled_false, rows - positives, round(l.by_filling, 4))
		ELSE format('it alone has an AUC of %s', round(l.by_value, 4)) END
	FROM jsonb_array_elements(columns) AS f,
		LATERAL (SELECT (f->>'auc')::numeric AS by_value, (f->>'filled_true')::numeric AS filled_true,
			(f->>'filled_false')::numeric AS filled_false) AS n,
		LATERAL (SELECT n.*,
			coalesce(f->>'left_out' = 'determines the label', false)
				OR coalesce(n.filled_false = 0 AND n.filled_true >= 20 AND (f->>'nulls')::bigint > 0, false) AS tells_all,
			CASE WHEN f->>'left_out' IS NULL AND least(positives, rows - positives) >= 20 THEN
				0.5 + abs(n.filled_true / positives - n.filled_false / (rows - positives)) / 2 END AS by_filling,
			(n.filled_true + 0.5) * (rows - positives - n.filled_false + 0.5)
				/ ((positives - n.filled_true + 0.5) * (n.filled_false + 0.5)) AS odds) AS l
	WHERE positives BETWEEN 1 AND rows - 1 AND f->>'source' <> ALL (allowed) AND f->>'column' <> ALL (allowed)
		AND (l.tells_all OR l.by_value >= 0.95 OR l.by_filling >= 0.95
			OR l.by_filling IS NOT NULL AND greatest(l.odds, 1 / l.odds) >= 20
				AND least(n.filled_true + n.filled_false, (f->>'nulls')::numeric) >= 20);

	severity := 'warning';
	"check" := 'hold-out';
	IF spec #>> '{holdout,by}' <> 'none' AND held_out < 50 THEN
		detail := format('%s labelled rows are held out: too few to judge a model', held_out)
			|| CASE WHEN held_out = 0 AND spec #>> '{holdout,by}' IN ('key', 'group') THEN '; a source that is a part by lead_fold() needs a holdout of another seed' ELSE '' END;
		RETURN NEXT;
	END IF;
	"check" := 'duplicates';
	IF duplicates > 0 THEN
		"column" := spec->>'key';
		detail := format('%s rows have a key that occurred before', duplicates);
		RETURN NEXT;
		"column" := NULL;
	END IF;
	RETURN QUERY
	SELECT CASE f->>'left_out' WHEN 'identifier' THEN 'identifier' ELSE 'values' END, 'warning', f->>'column',
		concat('left out: ', f->>'detail')
	FROM jsonb_array_elements(columns) AS f WHERE f->>'left_out' IN ('identifier', 'too many values');
	-- levels with twenty rows that came, or went
	RETURN QUERY
	SELECT 'new level', 'warning', n->>'column', format('"%s" in %s rows', l.key, l.value)
	FROM jsonb_array_elements(columns) AS n JOIN jsonb_array_elements(before) AS o ON o->>'column' = n->>'column',
		jsonb_each(n->'levels') AS l
	WHERE o ? 'levels' AND NOT o->'levels' ? l.key AND l.value::text::bigint >= 20;
	RETURN QUERY
	SELECT 'vanished level', 'warning', o->>'column', format('"%s", %s rows at the last version', l.key, l.value)
	FROM jsonb_array_elements(columns) AS n JOIN jsonb_array_elements(before) AS o ON o->>'column' = n->>'column',
		jsonb_each(o->'levels') AS l
	WHERE n ? 'levels' AND NOT n->'levels' ? l.key AND l.value::text::bigint >= 20;

	severity := 'info';
	"check" := 'unknown';
	IF unknown > 0 THEN
		detail := format('the outcome of %s rows is not known yet', unknown);
		RETURN NEXT;
	END IF;
	RETURN QUERY
	SELECT 'constant', 'info', f->>'column', concat('left out: ', f->>'detail')
	FROM jsonb_array_elements(columns) AS f WHERE f->>'left_out' = 'constant';
END;
$$;

-- What the fit found out about separation: as lead_info() has it, NULL where
-- there is none.  Columns that together determine the label are as sure a leak as
-- one that does alone; who chose what to do about it, or allows one, has seen it.
CREATE FUNCTION leadscore.judge_separation(options jsonb, separation jsonb,
	OUT "check" text, OUT severity text, OUT "column" text, OUT detail text)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT 'separation', CASE WHEN is_full AND NOT options ? 'separation' AND NOT allowed THEN 'error' ELSE 'warning' END,
		CASE cardinality(names) WHEN 1 THEN names[1] END,
		format(CASE WHEN is_full THEN 'the classes are completely separated by %s: together they determine the label'
			ELSE 'the classes are partly separated by %s: the model was fitted with %s' END,
			(SELECT string_agg(format('"%s"', n), ', ' ORDER BY i) FROM unnest(names[:5]) WITH ORDINALITY AS u(n, i))
				|| CASE WHEN cardinality(names) > 5 THEN format(' and %s more', cardinality(names) - 5) ELSE '' END,
			CASE separation->>'handled' WHEN 'firth' THEN 'Firth''s penalty' ELSE 'a ridge penalty of lambda = 1' END)
	FROM (SELECT (separation->>'full')::boolean AS is_full, leadscore.names_of(separation->'columns') AS names) AS f,
		-- "city=Oslo", "visits is null" and "created.hour=7" are of a column, too
		LATERAL (SELECT EXISTS (SELECT FROM unnest(leadscore.names_of(options->'allow')) AS a, unnest(names) AS n
			WHERE n = a OR left(n, length(a) + 1) IN (a || '=', a || ' ', a || '.')) AS allowed) AS l
	WHERE separation IS NOT NULL
$$;

-- Columns of the recipe against those the source has now.
CREATE FUNCTION leadscore.judge_columns(spec jsonb, now jsonb,
	OUT "check" text, OUT severity text, OUT "column" text, OUT detail text)
RETURNS SETOF record
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH needed AS (
		SELECT jsonb_array_elements_text((spec->'features') || (spec->'label_columns')
			|| jsonb_path_query_array(spec, '$.key ? (@ != null)') || jsonb_path_query_array(spec, '$.time ? (@ != null)')
			|| jsonb_path_query_array(spec, '$.holdout.column ? (@ != null)')) AS name
	), was AS (
		SELECT c->>'name' AS name, c->>'type' AS type FROM jsonb_array_elements(spec->'columns') AS c
	), is_now AS (
		SELECT c->>'name' AS name, c->>'type' AS type FROM jsonb_array_elements(now) AS c
	)
	SELECT 'column', 'error', was.name, concat('the source has lost it; its type was ', was.type)
	FROM was WHERE name IN (SELECT name FROM needed) AND name NOT IN (SELECT name FROM is_now)
	UNION ALL
	SELECT 'type', 'error', was.name, format('it has type %s, and had %s', is_now.type, was.type)
	FROM was JOIN is_now USING (name) WHERE name IN (SELECT name FROM needed) AND was.type <> is_now.type
	UNION ALL
	SELECT 'column', 'info', is_now.name, 'the source has it since; lead_train_model() can use it'
	FROM is_now WHERE name NOT IN (SELECT name FROM was)
$$;
