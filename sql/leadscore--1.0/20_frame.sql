----------------------------------------------------------------------------
-- Frames
----------------------------------------------------------------------------

CREATE TYPE leadframe;

CREATE FUNCTION leadframe_in(cstring) RETURNS leadframe
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION leadframe_out(leadframe) RETURNS cstring
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION leadframe_recv(internal) RETURNS leadframe
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION leadframe_send(leadframe) RETURNS bytea
AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

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
