/*-------------------------------------------------------------------------
 *
 * framekept.c
 *	  What frames that are kept need: their counts, how they were framed, and no
 *	  range of times.
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
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/jsonb.h"
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

/* The columns of a frame as a JSON array, each source once. */
static void
PutNames(StringInfo json, const Frame *frame)
{
	char	   *separator = "";

	appendStringInfoString(json, "\"names\": [");
	for (int i = 0; i < frame->ncolumns; i++)
	{
		const FrameColumn *c = &frame->columns[i];

		if (c->part != TRANSFORM_NONE)
			continue;
		appendStringInfoString(json, separator);
		escape_json(json, TextFromUtf8(c->name, strlen(c->name)));
		separator = ", ";
	}
	appendStringInfoChar(json, ']');
}

/* The parts of one time as {"name": {"parts": [...]}}, if the frame has any. */
static void
PutParts(StringInfo json, const Frame *frame, const FrameColumn *time, char **separator)
{
	char	   *before = NULL;

	for (int i = 0; i < frame->ncolumns; i++)
	{
		const FrameColumn *c = &frame->columns[i];

		if (c->part == TRANSFORM_NONE || strcmp(c->source, time->name) != 0)
			continue;
		if (before == NULL)
		{
			appendStringInfoString(json, *separator);
			escape_json(json, TextFromUtf8(time->name, strlen(time->name)));
			appendStringInfoString(json, ": {\"parts\": [");
			*separator = ", ";
		}
		appendStringInfoString(json, before == NULL ? "" : before);
		before = ", ";
		escape_json(json, PartName("", c->part) + 1);	/* "hour" of ".hour" */
	}
	if (before != NULL)
		appendStringInfoString(json, "]}");
}

/* framing_of(frame): the options that frame rows with the same columns, as jsonb */
PG_FUNCTION_INFO_V1(lead_framing_of);
Datum
lead_framing_of(PG_FUNCTION_ARGS)
{
	static const char *const roles[] = {NULL, "weight", "offset", "group", "time"};
	const Frame *frame = FrameDecode(PG_GETARG_VARLENA_P(0));
	StringInfoData json;
	char	   *separator = "";

	initStringInfo(&json);
	appendStringInfo(&json, "{\"max_distinct\": %d, ", FRAME_MAX_DISTINCT_LIMIT);
	PutNames(&json, frame);
	for (int i = 0; i < frame->ncolumns; i++)
	{
		const FrameColumn *c = &frame->columns[i];

		if (c->role == ROLE_FEATURE)
			continue;
		appendStringInfo(&json, ", \"%s\": ", roles[c->role]);
		escape_json(&json, TextFromUtf8(c->name, strlen(c->name)));
	}
	if (frame->timezone != NULL)
	{
		appendStringInfoString(&json, ", \"timezone\": ");
		escape_json(&json, TextFromUtf8(frame->timezone, strlen(frame->timezone)));
	}
	appendStringInfoString(&json, ", \"columns\": {");
	for (int i = 0; i < frame->ncolumns; i++)
		if (frame->columns[i].part == TRANSFORM_NONE)
			PutParts(&json, frame, &frame->columns[i], &separator);
	appendStringInfoString(&json, "}}");
	PG_RETURN_DATUM(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}
