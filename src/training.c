/*-------------------------------------------------------------------------
 *
 * training.c
 *	  lead_training(): lead_train() with all that a registered run keeps.
 *
 * The same states as those of lead_train(), and so the same model; beside it
 * the counts, the fingerprint of the rows, and facts about the columns.  Where
 * the facts say that a fit can only fail the model is NULL, so that the facts
 * arrive where an error would have swallowed them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "facts.h"
#include "train.h"

#define TRAINING_COLUMNS	6

/* The row, in the current context; all else goes with `work`. */
static Datum
TrainingRow(FunctionCallInfo fcinfo, const Frame *frame, const Options *opt,
			bool fit, MemoryContext result)
{
	TupleDesc	desc = lookup_rowtype_tupdesc(get_fn_expr_rettype(fcinfo->flinfo), -1);
	bool		hopeless;
	FrameStats *stats = FrameStatsCompute(frame);
	char	   *facts = FrameFacts(stats, opt, &hopeless);
	bytea	   *model = fit && !hopeless ? FitModel(stats, opt) : NULL;
	Datum		values[TRAINING_COLUMNS];
	bool		nulls[TRAINING_COLUMNS] = {false};
	MemoryContext old;
	HeapTuple	tuple;

	if (desc->natts != TRAINING_COLUMNS)
		elog(ERROR, "lead_training has %d columns", desc->natts);
	nulls[0] = (model == NULL);
	values[0] = PointerGetDatum(model);
	values[1] = Int64GetDatum(frame->rows);
	values[2] = Int64GetDatum(frame->positives);
	values[3] = Int64GetDatum(frame->unknown);
	values[4] = CStringGetTextDatum(FrameFingerprint(frame));
	values[5] = DirectFunctionCall1(jsonb_in, CStringGetDatum(facts));
	old = MemoryContextSwitchTo(result);
	tuple = heap_form_tuple(desc, values, nulls);
	MemoryContextSwitchTo(old);
	ReleaseTupleDesc(desc);
	return HeapTupleGetDatum(tuple);
}

static Datum
TrainingFinal(FunctionCallInfo fcinfo, bool fit)
{
	MemoryContext work,
				old;
	Frame	   *frame;
	const Options *opt;
	Datum		row;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	work = AllocSetContextCreate(CurrentMemoryContext, "leadscore training",
								 ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(work);
	frame = FinalFrame(fcinfo, &opt);
	row = TrainingRow(fcinfo, frame, opt, fit, old);
	FrameClose(frame);
	ProgressEnd();
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
	PG_RETURN_DATUM(row);
}

PG_FUNCTION_INFO_V1(lead_training_finalfn);
Datum
lead_training_finalfn(PG_FUNCTION_ARGS)
{
	return TrainingFinal(fcinfo, true);
}

/* The same without a fit: what lead_validate() wants. */
PG_FUNCTION_INFO_V1(lead_facts_finalfn);
Datum
lead_facts_finalfn(PG_FUNCTION_ARGS)
{
	return TrainingFinal(fcinfo, false);
}

/* lead_training(frame, options): the same of a frame */
PG_FUNCTION_INFO_V1(lead_training_frame);
Datum
lead_training_frame(PG_FUNCTION_ARGS)
{
	Options    *opt;
	Frame	   *frame;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	opt = OptionsParse(PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), OPTIONS_FIT);
	frame = FrameDecode(PG_GETARG_VARLENA_P(0));
	CheckColumnsExist(frame, opt);
	PG_RETURN_DATUM(TrainingRow(fcinfo, frame, opt, true, CurrentMemoryContext));
}

/* check_options(options jsonb): void, or the error that a training would end with */
PG_FUNCTION_INFO_V1(lead_check_options);
Datum
lead_check_options(PG_FUNCTION_ARGS)
{
	(void) OptionsParse(PG_GETARG_JSONB_P(0), OPTIONS_FRAME | OPTIONS_FIT);
	PG_RETURN_VOID();
}
