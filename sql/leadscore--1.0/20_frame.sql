----------------------------------------------------------------------------
-- Frames
----------------------------------------------------------------------------

CREATE TYPE leadframe;

CREATE FUNCTION leadframe_in(cstring) RETURNS leadframe
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION leadframe_out(leadframe) RETURNS cstring
AS 'MODULE_PATHNAME', 'leadvalue_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION leadframe_recv(internal) RETURNS leadframe
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION leadframe_send(leadframe) RETURNS bytea
AS 'MODULE_PATHNAME', 'leadvalue_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE leadframe (
	INPUT = leadframe_in,
	OUTPUT = leadframe_out,
	RECEIVE = leadframe_recv,
	SEND = leadframe_send,
	CATEGORY = 'L', PREFERRED = true,	-- what an untyped literal is where a leadprofile would do as well
	STORAGE = extended
);
COMMENT ON TYPE leadframe IS
'a training set as one value: dictionaries per column, equal rows counted once';

-- Support functions of the aggregates below; not for direct use.
CREATE FUNCTION lead_frame_transfn(internal, "any", record)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION lead_frame_transfn(internal, "any", record, jsonb)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION lead_frame_columns_transfn(internal, "any", jsonb, VARIADIC "any")
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C STABLE PARALLEL SAFE;

CREATE FUNCTION lead_frame_union_transfn(internal, leadframe)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_frame_combine(internal, internal)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION lead_frame_serialize(internal)
RETURNS bytea AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lead_frame_deserialize(bytea, internal)
RETURNS internal AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION lead_frame_finalfn(internal)
RETURNS leadframe AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

-- lead_frame(label, features): the training set of some rows.
-- label		boolean or integer 0/1; NULL: outcome not known, counted and left out
-- features		a row with names: a whole table row, a sub-select, a view
-- returns		NULL over no rows; the same rows in any order: the same bytes
-- errors		a label other than 0/1, a column of a type that cannot be a
--				feature, NaN or infinity, options that change between rows
CREATE AGGREGATE lead_frame(label "any", features record) (
	SFUNC = lead_frame_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_frame_finalfn,
	COMBINEFUNC = lead_frame_combine,
	SERIALFUNC = lead_frame_serialize,
	DESERIALFUNC = lead_frame_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_frame("any", record) IS
'the training set of some rows as one value';

CREATE AGGREGATE lead_frame(label "any", features record, options jsonb) (
	SFUNC = lead_frame_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_frame_finalfn,
	COMBINEFUNC = lead_frame_combine,
	SERIALFUNC = lead_frame_serialize,
	DESERIALFUNC = lead_frame_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_frame("any", record, jsonb) IS
'the training set of some rows as one value, with options';

-- lead_frame_columns(label, options, value, …): the same from single values,
-- faster than a whole row; {"names": [...]} names them.
CREATE AGGREGATE lead_frame_columns(label "any", options jsonb, VARIADIC "any") (
	SFUNC = lead_frame_columns_transfn,
	STYPE = internal, SSPACE = 65536,
	FINALFUNC = lead_frame_finalfn,
	COMBINEFUNC = lead_frame_combine,
	SERIALFUNC = lead_frame_serialize,
	DESERIALFUNC = lead_frame_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_frame_columns("any", jsonb, VARIADIC "any") IS
'the training set of some rows given by the columns, whose names are in the options';

-- lead_frame(leadframe): the union of frames, columns matched by name; a column
-- that a frame lacks counts as NULL in its rows.  NULL frames are passed over.
CREATE AGGREGATE lead_frame(frame leadframe) (
	SFUNC = lead_frame_union_transfn,
	STYPE = internal, SSPACE = 1048576,
	FINALFUNC = lead_frame_finalfn,
	COMBINEFUNC = lead_frame_combine,
	SERIALFUNC = lead_frame_serialize,
	DESERIALFUNC = lead_frame_deserialize,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE lead_frame(leadframe) IS
'the union of frames; a column that a frame lacks counts as NULL in its rows';

CREATE FUNCTION lead_frame_union(leadframe, leadframe)
RETURNS leadframe AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_frame_union(leadframe, leadframe) IS
'the union of two frames; what || does';

CREATE OPERATOR || (
	LEFTARG = leadframe,
	RIGHTARG = leadframe,
	FUNCTION = lead_frame_union,
	COMMUTATOR = OPERATOR(||)
);
COMMENT ON OPERATOR || (leadframe, leadframe) IS
'the union of two frames';

-- lead_frame_subtract(frame, less), frame - less: the frame without these rows, to
-- the byte the one that the other rows make (a column that overflowed stays so).
-- NULL			where one of them is
-- errors		a row that is not there as often, with the column that differs; a
--				column that the frame lacks, or of another type; a time without
--				"parts" whose range would change, for nobody can tell to what
CREATE FUNCTION lead_frame_subtract(leadframe, leadframe)
RETURNS leadframe AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_frame_subtract(leadframe, leadframe) IS
'a frame without the rows of another; what - does';

CREATE OPERATOR - (
	LEFTARG = leadframe,
	RIGHTARG = leadframe,
	FUNCTION = lead_frame_subtract
);
COMMENT ON OPERATOR - (leadframe, leadframe) IS
'a frame without the rows of another';

-- lead_weigh_frame(frame, weight): the same rows, their weights times this one.
-- weight		finite, above 0; a frame without weights gets a column "(weight)"
-- NULL			where one of them is
-- errors		another weight; a product beyond double precision; a column
--				"(weight)" that is none
CREATE FUNCTION lead_weigh_frame(frame leadframe, weight float8)
RETURNS leadframe AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_weigh_frame(leadframe, float8) IS
'the same rows with their weights multiplied';

-- Equal frames are equal bytes: they hold the same rows.
CREATE FUNCTION leadframe_eq(leadframe, leadframe) RETURNS boolean
AS 'byteaeq' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

CREATE FUNCTION leadframe_ne(leadframe, leadframe) RETURNS boolean
AS 'byteane' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

CREATE FUNCTION leadframe_hash(leadframe) RETURNS integer
AS 'hashvarlena' LANGUAGE internal IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;

CREATE OPERATOR = (
	LEFTARG = leadframe, RIGHTARG = leadframe, FUNCTION = leadframe_eq,
	COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel, HASHES
);
COMMENT ON OPERATOR = (leadframe, leadframe) IS 'do the frames hold the same rows?';

CREATE OPERATOR <> (
	LEFTARG = leadframe, RIGHTARG = leadframe, FUNCTION = leadframe_ne,
	COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (leadframe, leadframe) IS 'do the frames hold different rows?';

CREATE OPERATOR CLASS leadframe_ops DEFAULT FOR TYPE leadframe USING hash AS
	OPERATOR 1 =,
	FUNCTION 1 leadframe_hash(leadframe);

-- lead_describe(frame): a row per column: what is in it, and what a fit with
-- default options would do with it.  rows, nulls, distinct count labelled rows;
-- mean and sd are weighted if the frame has a weight.
CREATE FUNCTION lead_describe(frame leadframe,
	OUT "column" text, OUT type text, OUT kind text, OUT rows bigint,
	OUT nulls bigint, OUT "distinct" bigint, OUT min text, OUT max text,
	OUT mean double precision, OUT sd double precision,
	OUT most_frequent text, OUT treatment text)
RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_describe(leadframe) IS
'a row per column of a frame: its values, and what a fit would do with it';

-- lead_describe_label(frame): what each column says about the label by itself, a
-- row per level or bin.
-- options		bins (10), min_count (20), max_levels (255), exclude, and by column
--				bins, min_count, max_levels, as: {"columns": {"age": {"bins": 5}}}
-- level		of texts the most frequent first; levels of fewer than min_count
--				rows, and those beyond max_levels, are "(other)"; NULL is "(null)".
--				Numbers of at most `bins` values have a row each, others quantile
--				bins [lower, upper), the last one closed; a number that fills a bin
--				stands alone; intervals are in seconds
-- rate			positives / rows, with its 95 % interval (Wilson 1927)
-- woe			weight of evidence: ln of the share of the positives that is here over
--				that of the negatives; above 0 where there are more positives than on
--				average.  Where one of the two is missing half a row is added to both
--				(Zeng 2014)
-- iv			its part of the information value, woe times the difference of the
--				two shares (Siddiqi, Credit Risk Scorecards, 2006)
-- information_value	of the column: the sum
-- auc			of the column alone, 0.5 to 1.  Numbers: as they are or turned round,
--				NULLs left out.  Categories: by the rates of these very rows, so a
--				little too high, the more so the more levels there are
-- NULL			no frame: no rows; one class only: woe, iv and auc are NULL
-- Rows count; a weight does not.  Columns that the frame has only counted, times
-- above all, have no rows here.
CREATE FUNCTION lead_describe_label(frame leadframe, options jsonb DEFAULT NULL,
	OUT "column" text, OUT kind text, OUT cell integer, OUT level text,
	OUT lower double precision, OUT upper double precision,
	OUT rows bigint, OUT share double precision, OUT positives bigint,
	OUT rate double precision, OUT rate_low double precision,
	OUT rate_high double precision, OUT woe double precision,
	OUT iv double precision, OUT information_value double precision,
	OUT auc double precision)
RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION lead_describe_label(leadframe, jsonb) IS
'what each column says about the label: rate, weight of evidence, information value by level or bin';

-- lead_describe_label_columns(frame): the same, a row per column.
-- strength		Siddiqi's words for the information value: none (below 0.02), weak
--				(0.1), medium (0.3), strong (0.5), suspicious
-- chance_value	the information value that chance exceeds with 5 %: χ² of the cells
--				less one, times 1/positives + 1/negatives
-- p_value		Pearson's χ² of the cells against the label; cells that expect fewer
--				than 5 rows of either class are one
-- p_adjusted	Benjamini and Hochberg over the columns; beyond_chance: below 0.05
-- direction	of a number: rising if more of it means more positives, or falling
-- lowest_…, highest_…	the level or bin with the lowest and the highest rate, of
--				those with min_count rows
-- note			why a fit would leave the column out
CREATE FUNCTION lead_describe_label_columns(frame leadframe, options jsonb DEFAULT NULL,
	OUT "column" text, OUT kind text, OUT rows bigint, OUT missing double precision,
	OUT cells integer, OUT information_value double precision, OUT strength text,
	OUT chance_value double precision, OUT p_value double precision,
	OUT p_adjusted double precision, OUT beyond_chance boolean,
	OUT auc double precision, OUT direction text, OUT lowest_level text,
	OUT lowest_rate double precision, OUT highest_level text,
	OUT highest_rate double precision, OUT note text)
RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION lead_describe_label_columns(leadframe, jsonb) IS
'which columns say something about the label: information value, AUC alone, chance';
