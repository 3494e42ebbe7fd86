----------------------------------------------------------------------------
-- Profiles and drift
----------------------------------------------------------------------------

CREATE TYPE leadprofile;

CREATE FUNCTION leadprofile_in(cstring) RETURNS leadprofile
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION leadprofile_out(leadprofile) RETURNS cstring
AS 'MODULE_PATHNAME', 'leadvalue_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION leadprofile_recv(internal) RETURNS leadprofile
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION leadprofile_send(leadprofile) RETURNS bytea
AS 'MODULE_PATHNAME', 'leadvalue_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE leadprofile (
	INPUT = leadprofile_in,
	OUTPUT = leadprofile_out,
	RECEIVE = leadprofile_recv,
	SEND = leadprofile_send,
	CATEGORY = 'L',
	STORAGE = extended
);
COMMENT ON TYPE leadprofile IS
'how the values of each column of some rows are distributed, in a few kilobytes';

-- Support functions of the aggregates below; not for direct use.
CREATE FUNCTION lead_profile_transfn(internal, record)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION lead_profile_model_transfn(internal, bytea, record)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION lead_profile_named_transfn(internal, text, record)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION lead_profile_columns_transfn(internal, jsonb, VARIADIC "any")
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION lead_profile_model_columns_transfn(internal, bytea, jsonb, VARIADIC "any")
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION lead_profile_union_transfn(internal, leadprofile)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_profile_combine(internal, internal)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_profile_serialize(internal)
RETURNS bytea AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lead_profile_deserialize(bytea, internal)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lead_profile_finalfn(internal)
RETURNS leadprofile AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

-- lead_profile(features): how the values of each column are distributed.
-- features		a row with names: a whole table row, a sub-select, a view; columns
--				of types that cannot be features are counted only
-- returns		NULL over no rows; the same rows in any order: the same bytes
-- exact		up to 1,000 different numbers and 2,000 different texts of 64 kB
--				together; beyond, numbers count by their leading bits, texts by a
--				hash, and the number of different ones is an estimate (3 %);
--				times count by days (UTC); range, mean and sd stay those of the rows
-- errors		NaN or infinity, a row that is NULL
CREATE AGGREGATE lead_profile(features record) (
	SFUNC = lead_profile_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_profile_finalfn,
	COMBINEFUNC = lead_profile_combine,
	SERIALFUNC = lead_profile_serialize,
	DESERIALFUNC = lead_profile_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_profile(record) IS
'how the values of each column are distributed, in a few kilobytes';

-- lead_profile(model, features): the same; also what each column adds to the
-- log-odds above the average lead of the training (exact sums), and the scores,
-- as a column "(score)".  One model for all rows.
CREATE AGGREGATE lead_profile(model bytea, features record) (
	SFUNC = lead_profile_model_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_profile_finalfn,
	COMBINEFUNC = lead_profile_combine,
	SERIALFUNC = lead_profile_serialize,
	DESERIALFUNC = lead_profile_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_profile(bytea, record) IS
'how the values of each column are distributed, what they add to the score, and the scores';

-- lead_profile(name, features): the same with a model of the registry, 'name',
-- 'name@alias' or 'name@3', looked up once.
CREATE AGGREGATE lead_profile(model text, features record) (
	SFUNC = lead_profile_named_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_profile_finalfn,
	COMBINEFUNC = lead_profile_combine,
	SERIALFUNC = lead_profile_serialize,
	DESERIALFUNC = lead_profile_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_profile(text, record) IS
'how the values of each column are distributed, what they add to the score of a model by its name, and the scores';

-- lead_profile_columns(options, value, …): the same as lead_profile() from single
-- values, named by the option "names": {"names": ["city", "clicks"]}, the only
-- one.  It has the bytes of lead_profile() for a row of these columns, and costs
-- less, for PostgreSQL makes no row.
-- errors		as lead_profile(); names that do not fit the values
CREATE AGGREGATE lead_profile_columns(options jsonb, VARIADIC "any") (
	SFUNC = lead_profile_columns_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_profile_finalfn,
	COMBINEFUNC = lead_profile_combine,
	SERIALFUNC = lead_profile_serialize,
	DESERIALFUNC = lead_profile_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_profile_columns(jsonb, "any") IS
'how the values of each column are distributed, from single values, named by the options';

CREATE AGGREGATE lead_profile_columns(model bytea, options jsonb, VARIADIC "any") (
	SFUNC = lead_profile_model_columns_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_profile_finalfn,
	COMBINEFUNC = lead_profile_combine,
	SERIALFUNC = lead_profile_serialize,
	DESERIALFUNC = lead_profile_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_profile_columns(bytea, jsonb, "any") IS
'how the values of each column are distributed, what they add to the score, and the scores, from single values, named by the options';

-- lead_profile(leadprofile): the profile of all their rows, columns matched by
-- name; a column that a profile lacks counts as NULL in its rows.  NULL profiles
-- are passed over; those made with different models are an error.
CREATE AGGREGATE lead_profile(profile leadprofile) (
	SFUNC = lead_profile_union_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_profile_finalfn,
	COMBINEFUNC = lead_profile_combine,
	SERIALFUNC = lead_profile_serialize,
	DESERIALFUNC = lead_profile_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_profile(leadprofile) IS
'the profile of the rows of several profiles';

CREATE FUNCTION lead_profile_union(leadprofile, leadprofile)
RETURNS leadprofile AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_profile_union(leadprofile, leadprofile) IS
'the profile of the rows of both; what || does';

CREATE OPERATOR || (
	LEFTARG = leadprofile,
	RIGHTARG = leadprofile,
	FUNCTION = lead_profile_union,
	COMMUTATOR = OPERATOR(||)
);
COMMENT ON OPERATOR || (leadprofile, leadprofile) IS
'the profile of the rows of both';

CREATE FUNCTION lead_profile(frame leadframe)
RETURNS leadprofile AS 'MODULE_PATHNAME', 'lead_profile_frame'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_profile(leadframe) IS
'the profile of the features of a training set';

-- Of columns that the training left out only rows and NULLs are known; of more
-- than 1,000 levels the rarer ones are counted together.
CREATE FUNCTION lead_profile(model bytea)
RETURNS leadprofile AS 'MODULE_PATHNAME', 'lead_profile_model'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_profile(bytea) IS
'the profile of the rows that a model was trained on';

-- Equal profiles are equal bytes.
CREATE FUNCTION leadprofile_eq(leadprofile, leadprofile) RETURNS boolean
AS 'byteaeq' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

CREATE FUNCTION leadprofile_ne(leadprofile, leadprofile) RETURNS boolean
AS 'byteane' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

CREATE OPERATOR = (
	LEFTARG = leadprofile, RIGHTARG = leadprofile, FUNCTION = leadprofile_eq,
	COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR = (leadprofile, leadprofile) IS 'do the profiles say the same?';

CREATE OPERATOR <> (
	LEFTARG = leadprofile, RIGHTARG = leadprofile, FUNCTION = leadprofile_ne,
	COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (leadprofile, leadprofile) IS 'do the profiles say different things?';

-- lead_describe(profile): a row per column.  distinct is an estimate where exact
-- is false; quartiles, mean, sd (population), skewness and zeros are those of the
-- rounded numbers then; quartiles lie between two values linearly.
-- alerts	empty; mostly missing (more than half); constant; imbalanced (a value
--			has more than 90 %); unique (at least 100 rows, 95 % different); high
--			cardinality (more than 50 levels); skewed (beyond 2)
CREATE FUNCTION lead_describe(profile leadprofile,
	OUT "column" text, OUT type text, OUT kind text, OUT rows bigint,
	OUT nulls bigint, OUT missing double precision, OUT "distinct" bigint,
	OUT exact boolean, OUT min text, OUT q25 double precision,
	OUT median double precision, OUT q75 double precision, OUT max text,
	OUT mean double precision, OUT sd double precision,
	OUT skewness double precision, OUT zeros bigint, OUT most_frequent text,
	OUT alerts text[])
RETURNS SETOF record AS 'MODULE_PATHNAME', 'lead_describe_profile'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_describe(leadprofile) IS
'a row per column of a profile: missing values, distinct, quartiles, moments, levels, alerts';

-- lead_drift(reference, current): a row per column.
-- method	"auto" follows Evidently's defaults.  Up to 1,000 rows in the reference:
--			ks for numbers of more than 5 values, chisquare for more than 2
--			values, else z; beyond: wasserstein for numbers of more than 5 values,
--			else jensenshannon.  psi and jensenshannon bin numbers of more than 20
--			values by Sturges' rule.  Times are compared on request only.
-- options	{"method": …, "threshold": …, "alpha": 0.05,
--			"columns": {"city": {"method": "psi", "threshold": 0.2}}}
-- drifted	the statistic, or a test's p-value, has crossed the threshold: 0.1 for
--			a distance, 0.05 for a test
-- p_value	of a test its own; for wasserstein that of ks; for psi and
--			jensenshannon of chi-square scaled by the rows, sparse cells pooled
-- chance_threshold		psi or distance, sparse cells and all, that chance alone exceeds
--						with alpha; NULL for the other methods
-- p_adjusted			Benjamini and Hochberg over the columns, of p_value; for
--						chisquare, which takes the reference for the truth, of that of
--						the jensenshannon of the same counts
-- beyond_chance		p_adjusted is below alpha
-- impact_log_odds		change of the mean log-odds that the column makes: of rows
--						profiled with a model against those of the reference, if
--						that was profiled with it too, else against its training
-- impact_points		the same in percentage points, first-order: times the mean
--						of score × (1 - score) on the reference, or if it has no
--						scores, on the current side; of a model calibrated by Platt,
--						times the slope of its log-odds if the model is given
-- note					why nothing was measured
-- impact_exact			false where it follows from values that were rounded, or is not
--						known though the model needs the column; NULL for the others
-- impact_against		"reference", or "training" where only the current side was
--						profiled with a model and that is not handed over
-- model				for the impact where profiles were made without it: then it
--						follows from the counted values
CREATE FUNCTION lead_drift(reference leadprofile, current leadprofile, options jsonb DEFAULT NULL,
	model bytea DEFAULT NULL,
	OUT "column" text, OUT kind text, OUT method text,
	OUT statistic double precision, OUT p_value double precision,
	OUT threshold double precision, OUT drifted boolean,
	OUT chance_threshold double precision, OUT p_adjusted double precision,
	OUT beyond_chance boolean, OUT rows_before bigint, OUT rows_now bigint,
	OUT missing_before double precision, OUT missing_now double precision,
	OUT new_levels bigint, OUT vanished_levels bigint,
	OUT out_of_range double precision, OUT impact_log_odds double precision,
	OUT impact_points double precision, OUT note text,
	OUT impact_exact boolean, OUT impact_against text)
RETURNS SETOF record AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION lead_drift(leadprofile, leadprofile, jsonb, bytea) IS
'what changed from one profile to another, column by column, and how much it moves the score';

-- Support function of the one below; not for direct use.
CREATE FUNCTION lead_drift_share(double precision) RETURNS double precision
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- lead_drift_summary(reference, current): the verdict on the whole, in one row.
-- options, model		as of lead_drift()
-- measured				columns that have a verdict; the scores count as one
-- share				drifted columns of those
-- drifted				the share is at least drift_share, 0.5 by default
-- beyond_chance		columns whose change chance hardly explains
-- score_…				of the scores, where both profiles were made with a model
-- missing_…			mean over the columns
-- impact_log_odds		of all columns together; impact_exact is false where one of
--						them was rounded or is not known
-- columns_that_matter	up to three: by impact where there is one, else drifted ones
--						by how far beyond their threshold
-- not_measured			columns that have no verdict: lead_drift() has a note why
-- changed_columns		of those the ones that came or went, have another type or no
--						values on one side
CREATE FUNCTION lead_drift_summary(reference leadprofile, current leadprofile,
	options jsonb DEFAULT NULL, drift_share double precision DEFAULT 0.5,
	model bytea DEFAULT NULL,
	OUT measured bigint, OUT drifted_columns bigint, OUT share double precision,
	OUT drifted boolean, OUT beyond_chance bigint,
	OUT score_statistic double precision, OUT score_drifted boolean,
	OUT missing_before double precision, OUT missing_now double precision,
	OUT impact_log_odds double precision, OUT impact_points double precision,
	OUT columns_that_matter text[], OUT impact_exact boolean,
	OUT not_measured bigint, OUT changed_columns text[])
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
	WITH d AS (SELECT * FROM lead_drift(reference, current, options, model)),
		 matter AS (
			SELECT "column", row_number() OVER (ORDER BY abs(impact_log_odds) DESC NULLS LAST,
					CASE WHEN method IN ('psi', 'jensenshannon', 'wasserstein') THEN statistic / nullif(threshold, 0)
						 ELSE threshold / nullif(p_value, 0) END DESC NULLS FIRST,
					"column" COLLATE "C") AS place
			FROM d WHERE kind <> 'score' AND (drifted OR impact_log_odds <> 0)),
		 total AS (
			SELECT count(drifted) AS measured, count(*) FILTER (WHERE drifted) AS drifted_columns,
				   count(*) - count(drifted) AS not_measured,
				   count(*) FILTER (WHERE beyond_chance) AS beyond_chance,
				   max(statistic) FILTER (WHERE kind = 'score') AS score_statistic,
				   bool_or(drifted) FILTER (WHERE kind = 'score') AS score_drifted,
				   avg(missing_before) FILTER (WHERE kind <> 'score') AS missing_before,
				   avg(missing_now) FILTER (WHERE kind <> 'score') AS missing_now,
				   sum(impact_log_odds) AS impact_log_odds, sum(impact_points) AS impact_points,
				   bool_and(impact_exact) AS impact_exact,
				   array_agg("column" ORDER BY "column" COLLATE "C")
					FILTER (WHERE kind <> 'score' AND note <> ALL
						('{a time,an identifier,only counted,too many levels to compare}')) AS changed_columns
			FROM d)
	SELECT t.measured, t.drifted_columns, s.share, s.share >= lead_drift_share(drift_share),
		   t.beyond_chance, t.score_statistic, t.score_drifted, t.missing_before, t.missing_now,
		   t.impact_log_odds, t.impact_points,
		   (SELECT array_agg(m."column" ORDER BY m.place) FROM matter m WHERE m.place <= 3),
		   t.impact_exact, t.not_measured, t.changed_columns
	FROM total t, LATERAL (SELECT t.drifted_columns::double precision / nullif(t.measured, 0) AS share) s;
END;
COMMENT ON FUNCTION lead_drift_summary(leadprofile, leadprofile, jsonb, double precision, bytea) IS
'the verdict on the drift of all columns in one row: share drifted, score, missing values, impact';
