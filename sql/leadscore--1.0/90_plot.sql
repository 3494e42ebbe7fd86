----------------------------------------------------------------------------
-- Pictures
----------------------------------------------------------------------------

-- lead_drift_bins(reference, current, column): how one column is distributed on
-- both sides, a row per bin, to look at (the statistics of lead_drift() keep to
-- bins of their own).
-- column		numbers and times: intervals of a round width, low <= x < high, the
--				last one closed; where a side's outermost 0.5 % lie far off they are
--				one open bin, low or high infinite; at most so many different numbers
--				are a bin each, low = high; texts: the most frequent levels, then
--				"(other)", low and high NULL; "(null)" comes last; of columns that are
--				only counted, or counted by a hash, "(any value)"
-- bins			at most so many, 1 … 200, those of tails, (other) and (null) not
--				counted; default 20 intervals or 12 levels
-- low, high	times in seconds since 1970
-- share		of all rows of the side, NULLs included; NULL without rows, or where
--				the profile lacks the column
-- NULL			profile or column: no rows
-- errors		a column that neither has; one of another kind
CREATE FUNCTION lead_drift_bins(reference leadprofile, current leadprofile, "column" text, bins integer DEFAULT NULL,
	OUT bin integer, OUT level text, OUT low double precision, OUT high double precision,
	OUT rows_before bigint, OUT rows_now bigint, OUT share_before double precision, OUT share_now double precision)
RETURNS SETOF record AS 'MODULE_PATHNAME'
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 20;
COMMENT ON FUNCTION lead_drift_bins(leadprofile, leadprofile, text, integer) IS
'how one column is distributed in two profiles, in bins that a person can read';
