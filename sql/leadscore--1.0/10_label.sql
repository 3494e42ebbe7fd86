/* leadscore 1.0: every object, in the order of the README's reference */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION leadscore" to load this file. \quit

----------------------------------------------------------------------------
-- Labels and folds
----------------------------------------------------------------------------

CREATE FUNCTION lead_label(created timestamptz, won_at timestamptz, horizon interval, as_of timestamptz)
RETURNS boolean
AS 'MODULE_PATHNAME', 'lead_label'
LANGUAGE C STABLE PARALLEL SAFE;	-- timestamptz + interval depends on TimeZone
COMMENT ON FUNCTION lead_label(timestamptz, timestamptz, interval, timestamptz) IS
'true: won within the horizon and by as_of; false: the horizon has passed without; NULL: not known at as_of';

CREATE FUNCTION lead_fold(key text, k integer, seed bigint DEFAULT 0)
RETURNS integer
AS 'MODULE_PATHNAME', 'lead_fold_text'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_fold(text, integer, bigint) IS
'fold of a key, 0 to k - 1, by a hash that is the same on every server and for ever';

CREATE FUNCTION lead_fold(key bigint, k integer, seed bigint DEFAULT 0)
RETURNS integer
AS 'MODULE_PATHNAME', 'lead_fold_bigint'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_fold(bigint, integer, bigint) IS
'fold of a number, the same as that of its decimal digits as text';

CREATE FUNCTION lead_fold(key uuid, k integer, seed bigint DEFAULT 0)
RETURNS integer
AS 'MODULE_PATHNAME', 'lead_fold_uuid'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_fold(uuid, integer, bigint) IS
'fold of a uuid, the same as that of its 36 characters in lower case';

CREATE FUNCTION lead_fold(key date, k integer, seed bigint DEFAULT 0)
RETURNS integer
AS 'MODULE_PATHNAME', 'lead_fold_date'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION lead_fold(date, integer, bigint) IS
'fold of a date, the same as that of its ISO 8601 text, whatever DateStyle is';
