/*-------------------------------------------------------------------------
 *
 * framekept.c
 *	  What frames that are kept need: their counts, and no range of times.
 *
 * The range of a time belongs to the rows at its ends.  A frame that rows may be
 * taken from has none (0 to 0), for it could not be told what is left of it; the
 * frame that a model is trained on gets that of the periods it is made of.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/timestamp.h"

#include "frame.h"

/* frame_counts(frame): rows, positives, unknown */
PG_FUNCTION_INFO_V1(lead_frame_counts);
Datum
lead_frame_counts(PG_FUNCTION_ARGS)
{
	const Frame *frame = FrameDecode(PG_GETARG_VARLENA_P(0));
	TupleDesc	desc;
	Datum		values[3] = {Int64GetDatum(frame->rows),
	Int64GetDatum(frame->positives), Int64GetDatum(frame->unknown)};
	bool		nulls[3] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE || desc->natts != 3)
		elog(ERROR, "frame_counts has other columns");
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* set_time_range(frame, low, high): of times of which a frame has only the range */
PG_FUNCTION_INFO_V1(lead_set_time_range);
Datum
lead_set_time_range(PG_FUNCTION_ARGS)
{
	Frame	   *frame;
	bool		none = PG_ARGISNULL(1) || PG_ARGISNULL(2);

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	frame = FrameDecode(PG_GETARG_VARLENA_P(0));
	for (int i = 0; i < frame->ncolumns; i++)
	{
		FrameColumn *c = &frame->columns[i];

		if (c->store != STORE_COUNTED)
			continue;
		c->low = c->high = 0;
		if (!none && c->nulls < frame->rows)
		{
			c->low = (double) PG_GETARG_TIMESTAMPTZ(1);
			c->high = (double) PG_GETARG_TIMESTAMPTZ(2);
		}
	}
	PG_RETURN_BYTEA_P(FrameEncode(frame));
}
