/*-------------------------------------------------------------------------
 *
 * evaluate.c
 *	  lead_evaluate(), and the state that it shares with the curves.
 *
 * The state keeps the scores of negatives and of positives in two arrays that
 * double when they are full: 8 bytes a pair, nothing before the first one.
 * Nothing is sorted until the end, because merging unsorted arrays is a copy.
 * The final functions sort a copy and leave the state alone, so that windows
 * and aggregates that share a state may go on with it.
 *
 * All aggregates count the same way: a pair whose score or label is NULL is
 * skipped, and counted as such.  A score that is NaN, or a label that is an
 * integer but neither 0 nor 1, is an error even where the other half is NULL.
 *
 * The serialised state never leaves the server that made it, so it is in the
 * machine's own byte order; it is checked all the same.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "metrics.h"

#define PAIRS_FIRST			16	/* scores in the first allocation */
#define PAIRS_MAGIC			0x5350534C	/* "LSPS" */
#define DEFAULT_THRESHOLD	0.5
#define EVALUATION_COLUMNS	39

typedef struct PairsHeader
{
	uint32		magic;
	uint32		has_param;
	double		param;
	int64		skipped;
	int64		n[2];
	PairChoice	choice;
} PairsHeader;

/* ------------------------------------------------------------------------
 * State
 * ------------------------------------------------------------------------
 */

static PairState *
PairsNew(MemoryContext cxt)
{
	PairState  *state = MemoryContextAllocZero(cxt, sizeof(PairState));

	state->cxt = cxt;
	return state;
}

/* Make room for `more` scores on one side. */
static void
PairsReserve(PairState *state, int side, int64 more)
{
	ScoreArray *a = &state->side[side];
	int64		capacity = Max(a->capacity, PAIRS_FIRST);

	if (more > PAIRS_MAX - state->side[0].n - state->side[1].n)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("cannot evaluate more than %lld pairs of score and label",
						(long long) PAIRS_MAX)));
	if (a->n + more <= a->capacity)
		return;
	while (capacity < a->n + more)
		capacity *= 2;
	if (a->score == NULL)
		a->score = MemoryContextAllocHuge(state->cxt, capacity * sizeof(double));
	else
		a->score = repalloc_huge(a->score, capacity * sizeof(double));
	a->capacity = capacity;
}

static void
PairsAppend(PairState *state, int side, const double *score, int64 n)
{
	ScoreArray *a = &state->side[side];

	if (n == 0)
		return;
	PairsReserve(state, side, n);
	memcpy(a->score + a->n, score, n * sizeof(double));
	a->n += n;
}

static MemoryContext
PairsContext(FunctionCallInfo fcinfo)
{
	MemoryContext cxt;

	if (!AggCheckCallContext(fcinfo, &cxt))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return cxt;
}

/* ------------------------------------------------------------------------
 * Transition
 * ------------------------------------------------------------------------
 */

static const PairParam ThresholdParam = {"threshold", false};
static const PairParam TilesParam = {"number of tiles", true};
static const PairParam BinsParam = {"number of bins", true};

static void
PairsParamDiffers(const char *name, double was, double is)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be the same for all rows", name),
			 errdetail("Found %s and %s.", float8out_internal(was),
					   float8out_internal(is))));
}

static void
PairsChoiceDiffers(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be the same for all rows", name),
			 errhint("Write it as a constant.")));
}

/* The same for an argument that makes a choice: the same bytes make the same one. */
static void
PairsReadChoice(PairState *state, Datum given, const PairParam *param)
{
	PairChoice	choice = {0};
	MemoryContext old;

	if (state->given != (Datum) 0 && datumIsEqual(state->given, given, false, -1))
		return;
	param->read(given, &choice);
	if (state->choice.kind != 0 && memcmp(&state->choice, &choice, sizeof(choice)) != 0)
		PairsChoiceDiffers(param->name);
	old = MemoryContextSwitchTo(state->cxt);
	if (state->given == (Datum) 0)
		state->given = datumCopy(given, false, -1);
	MemoryContextSwitchTo(old);
	state->choice = choice;
}

/* Read the last argument and remember it, or compare it with the first one. */
static void
PairsReadParam(PairState *state, FunctionCallInfo fcinfo, const PairParam *param)
{
	double		value;

	if (PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", param->name)));
	if (param->read != NULL)
	{
		PairsReadChoice(state, PointerGetDatum(PG_DETOAST_DATUM(PG_GETARG_DATUM(3))), param);
		return;
	}
	value = param->integer ? PG_GETARG_INT32(3) : PG_GETARG_FLOAT8(3);
	if (state->has_param && value == state->param)
		return;
	if (isnan(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be NaN", param->name)));
	if (param->integer && (value < 1 || value > PARTS_MAX))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be between 1 and %d, not %d", param->name,
						PARTS_MAX, (int) value)));
	if (state->has_param)
		PairsParamDiffers(param->name, state->param, value);
	state->has_param = true;
	state->param = value + 0.0; /* no -0: it would show in the result */
}

/* One row: score, label, and one more argument unless `param` is NULL. */
Datum
PairsTransition(FunctionCallInfo fcinfo, bool integer_label,
				const PairParam *param)
{
	MemoryContext cxt = PairsContext(fcinfo);
	PairState  *state;
	ScoreArray *a;
	double		score = 0;
	int64		label = 0;

	state = PG_ARGISNULL(0) ? PairsNew(cxt) : (PairState *) PG_GETARG_POINTER(0);
	if (param != NULL)
		PairsReadParam(state, fcinfo, param);
	if (!PG_ARGISNULL(1))
	{
		score = PG_GETARG_FLOAT8(1);
		if (isnan(score))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("NaN not allowed in scores"),
					 errhint("Use NULL for a score that is not known.")));
	}
	if (!PG_ARGISNULL(2))
	{
		label = integer_label ? PG_GETARG_INT64(2) : PG_GETARG_BOOL(2);
		if (label != 0 && label != 1)
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("label must be 0 or 1, not %lld", (long long) label)));
	}
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
	{
		state->skipped++;
		PG_RETURN_POINTER(state);
	}
	PairsReserve(state, (int) label, 1);
	a = &state->side[label];
	a->score[a->n++] = score;
	PG_RETURN_POINTER(state);
}

PG_FUNCTION_INFO_V1(lead_pairs_bool_transfn);
Datum
lead_pairs_bool_transfn(PG_FUNCTION_ARGS)
{
	return PairsTransition(fcinfo, false, NULL);
}

PG_FUNCTION_INFO_V1(lead_pairs_int_transfn);
Datum
lead_pairs_int_transfn(PG_FUNCTION_ARGS)
{
	return PairsTransition(fcinfo, true, NULL);
}

PG_FUNCTION_INFO_V1(lead_pairs_threshold_bool_transfn);
Datum
lead_pairs_threshold_bool_transfn(PG_FUNCTION_ARGS)
{
	return PairsTransition(fcinfo, false, &ThresholdParam);
}

PG_FUNCTION_INFO_V1(lead_pairs_threshold_int_transfn);
Datum
lead_pairs_threshold_int_transfn(PG_FUNCTION_ARGS)
{
	return PairsTransition(fcinfo, true, &ThresholdParam);
}

PG_FUNCTION_INFO_V1(lead_pairs_tiles_bool_transfn);
Datum
lead_pairs_tiles_bool_transfn(PG_FUNCTION_ARGS)
{
	return PairsTransition(fcinfo, false, &TilesParam);
}

PG_FUNCTION_INFO_V1(lead_pairs_tiles_int_transfn);
Datum
lead_pairs_tiles_int_transfn(PG_FUNCTION_ARGS)
{
	return PairsTransition(fcinfo, true, &TilesParam);
}

PG_FUNCTION_INFO_V1(lead_pairs_bins_bool_transfn);
Datum
lead_pairs_bins_bool_transfn(PG_FUNCTION_ARGS)
{
	return PairsTransition(fcinfo, false, &BinsParam);
}

PG_FUNCTION_INFO_V1(lead_pairs_bins_int_transfn);
Datum
lead_pairs_bins_int_transfn(PG_FUNCTION_ARGS)
{
	return PairsTransition(fcinfo, true, &BinsParam);
}

/* ------------------------------------------------------------------------
 * Parallel query
 * ------------------------------------------------------------------------
 */

/* Either side may be NULL (a worker without rows) or have no pairs. */
PG_FUNCTION_INFO_V1(lead_pairs_combine);
Datum
lead_pairs_combine(PG_FUNCTION_ARGS)
{
	MemoryContext cxt = PairsContext(fcinfo);
	PairState  *into = PG_ARGISNULL(0) ? NULL : (PairState *) PG_GETARG_POINTER(0);
	PairState  *from = PG_ARGISNULL(1) ? NULL : (PairState *) PG_GETARG_POINTER(1);

	if (from == NULL)
	{
		if (into == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(into);
	}
	if (into == NULL)
		into = PairsNew(cxt);
	if (from->has_param)
	{
		if (into->has_param && into->param != from->param)
			PairsParamDiffers("last argument", into->param, from->param);
		into->has_param = true;
		into->param = from->param;
	}
	if (from->choice.kind != 0)
	{
		if (into->choice.kind != 0 &&
			memcmp(&into->choice, &from->choice, sizeof(PairChoice)) != 0)
			PairsChoiceDiffers("last argument");
		into->choice = from->choice;
	}
	into->skipped += from->skipped;
	for (int side = 0; side < 2; side++)
		PairsAppend(into, side, from->side[side].score, from->side[side].n);
	PG_RETURN_POINTER(into);
}

PG_FUNCTION_INFO_V1(lead_pairs_serialize);
Datum
lead_pairs_serialize(PG_FUNCTION_ARGS)
{
	PairState  *state;
	PairsHeader header = {0};
	bytea	   *result;
	char	   *p;
	Size		size = VARHDRSZ + sizeof(PairsHeader);

	(void) PairsContext(fcinfo);
	state = (PairState *) PG_GETARG_POINTER(0);
	header.magic = PAIRS_MAGIC;
	header.has_param = state->has_param;
	header.param = state->param;
	header.choice = state->choice;
	header.skipped = state->skipped;
	for (int side = 0; side < 2; side++)
	{
		header.n[side] = state->side[side].n;
		size += (Size) state->side[side].n * sizeof(double);
	}
	if (!AllocSizeIsValid(size))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many pairs of score and label for a parallel worker"),
				 errdetail("The worker has %lld pairs, and can hand over about 134 million.",
						   (long long) (header.n[0] + header.n[1])),
				 errhint("Set max_parallel_workers_per_gather to 0, or to a greater number.")));

	result = palloc(size);
	SET_VARSIZE(result, size);
	p = VARDATA(result);
	memcpy(p, &header, sizeof(header));
	p += sizeof(header);
	for (int side = 0; side < 2; side++)
	{
		Size		bytes = (Size) header.n[side] * sizeof(double);

		if (bytes > 0)
			memcpy(p, state->side[side].score, bytes);
		p += bytes;
	}
	PG_RETURN_BYTEA_P(result);
}

static bool
PairsHeaderValid(const PairsHeader *h, Size bytes)
{
	for (int i = 0; i < PAIR_NUMBERS; i++)
		if (!isfinite(h->choice.number[i]))
			return false;
	return h->magic == PAIRS_MAGIC && h->choice.kind >= 0 &&
		h->has_param <= 1 && !isnan(h->param) &&
		h->skipped >= 0 &&
		h->n[0] >= 0 && h->n[0] <= PAIRS_MAX &&
		h->n[1] >= 0 && h->n[1] <= PAIRS_MAX &&
		(uint64) bytes == (uint64) (h->n[0] + h->n[1]) * sizeof(double);
}

PG_FUNCTION_INFO_V1(lead_pairs_deserialize);
Datum
lead_pairs_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	Size		size = VARSIZE_ANY_EXHDR(bytes);
	const char *p = VARDATA_ANY(bytes);
	PairsHeader header;
	PairState  *state;
	bool		valid = false;

	(void) PairsContext(fcinfo);
	state = PairsNew(CurrentMemoryContext);
	if (size >= sizeof(header))
	{
		memcpy(&header, p, sizeof(header));
		p += sizeof(header);
		valid = PairsHeaderValid(&header, size - sizeof(header));
	}
	for (int side = 0; valid && side < 2; side++)
	{
		ScoreArray *a = &state->side[side];

		if (header.n[side] == 0)
			continue;
		PairsReserve(state, side, header.n[side]);
		a->n = header.n[side];
		memcpy(a->score, p, a->n * sizeof(double));
		p += a->n * sizeof(double);
		for (int64 i = 0; i < a->n; i++)
			valid &= !isnan(a->score[i]);
	}
	if (!valid)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid state of an evaluation")));
	state->has_param = header.has_param;
	state->param = header.param;
	state->choice = header.choice;
	state->skipped = header.skipped;
	PG_RETURN_POINTER(state);
}

/* ------------------------------------------------------------------------
 * Final functions
 * ------------------------------------------------------------------------
 */

/* The state; NULL without a row.  It may have no pairs. */
PairState *
PairsFinal(FunctionCallInfo fcinfo)
{
	(void) PairsContext(fcinfo);
	return PG_ARGISNULL(0) ? NULL : (PairState *) PG_GETARG_POINTER(0);
}

/* NULL without a pair. */
Ties *
PairsTies(const PairState *state)
{
	const ScoreArray *neg;
	const ScoreArray *pos;

	if (state == NULL || state->side[0].n + state->side[1].n == 0)
		return NULL;
	neg = &state->side[0];
	pos = &state->side[1];
	return TiesMake(neg->score, neg->n, pos->score, pos->n);
}

/*
 * The row type of the result, or of its elements.  The caller releases it.
 */
TupleDesc
PairsRowDesc(FunctionCallInfo fcinfo, int natts)
{
	Oid			type = get_fn_expr_rettype(fcinfo->flinfo);
	Oid			element = get_element_type(type);
	TupleDesc	desc;

	desc = lookup_rowtype_tupdesc(OidIsValid(element) ? element : type, -1);
	if (desc->natts != natts)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("type %s must have %d columns, not %d",
						format_type_be(desc->tdtypeid), natts, desc->natts)));
	return desc;
}

/* A double of the result: what is undefined is NULL. */
void
PutFloat(Datum *values, bool *nulls, int i, double x)
{
	nulls[i] = isnan(x);
	values[i] = Float8GetDatum(x);
}

/* A lead_evaluation of ties, which it frees; NULL: there is no pair. */
Datum
EvaluationRow(FunctionCallInfo fcinfo, Ties *ties, int64 skipped, double threshold)
{
	TupleDesc	desc = PairsRowDesc(fcinfo, EVALUATION_COLUMNS);
	Datum		values[EVALUATION_COLUMNS] = {0};
	bool		nulls[EVALUATION_COLUMNS];
	HeapTuple	tuple;
	int			i = 0;

	memset(nulls, true, sizeof(nulls));
	nulls[0] = nulls[1] = nulls[2] = false;
	values[i++] = Int64GetDatum(ties ? ties->n : 0);
	values[i++] = Int64GetDatum(ties ? ties->pos : 0);
	values[i++] = Int64GetDatum(skipped);
	if (ties != NULL)
	{
		Quality		q;
		Calibration c;

		QualityOf(ties, threshold, &q);
		CalibrationOf(ties, &c);
		TiesFree(ties);
		PutFloat(values, nulls, i++, q.auc);
		PutFloat(values, nulls, i++, q.auc_low);
		PutFloat(values, nulls, i++, q.auc_high);
		PutFloat(values, nulls, i++, q.average_precision);
		PutFloat(values, nulls, i++, q.log_loss);
		PutFloat(values, nulls, i++, q.brier);
		PutFloat(values, nulls, i++, q.ks);
		PutFloat(values, nulls, i++, q.gini);
		PutFloat(values, nulls, i++, threshold);
		PutFloat(values, nulls, i++, q.accuracy);
		PutFloat(values, nulls, i++, q.precision);
		PutFloat(values, nulls, i++, q.recall);
		PutFloat(values, nulls, i++, q.specificity);
		PutFloat(values, nulls, i++, q.f1);
		memset(&nulls[i], false, 4 * sizeof(bool));
		values[i++] = Int64GetDatum(q.tp);
		values[i++] = Int64GetDatum(q.fp);
		values[i++] = Int64GetDatum(q.tn);
		values[i++] = Int64GetDatum(q.fn);
		PutFloat(values, nulls, i++, q.best_f1_threshold);
		PutFloat(values, nulls, i++, q.best_f1);
		PutFloat(values, nulls, i++, q.best_youden_threshold);
		PutFloat(values, nulls, i++, q.best_youden);
		PutFloat(values, nulls, i++, c.slope);
		PutFloat(values, nulls, i++, c.slope_low);
		PutFloat(values, nulls, i++, c.slope_high);
		PutFloat(values, nulls, i++, c.intercept);
		PutFloat(values, nulls, i++, c.intercept_low);
		PutFloat(values, nulls, i++, c.intercept_high);
		PutFloat(values, nulls, i++, q.log_loss_low);
		PutFloat(values, nulls, i++, q.log_loss_high);
		PutFloat(values, nulls, i++, q.brier_low);
		PutFloat(values, nulls, i++, q.brier_high);
		PutFloat(values, nulls, i++, q.lift_10);
		PutFloat(values, nulls, i++, q.lift_10_low);
		PutFloat(values, nulls, i++, q.lift_10_high);
		PutFloat(values, nulls, i++, q.mean_score);
		Assert(i == EVALUATION_COLUMNS);
	}
	tuple = heap_form_tuple(desc, values, nulls);
	ReleaseTupleDesc(desc);
	PG_RETURN_DATUM(HeapTupleGetDatum(tuple));
}

/*
 * lead_evaluate(score, label [, threshold]) → lead_evaluation
 *
 * One row: see the type's comments for the columns and metrics.c for the
 * definitions.  Without pairs the counts n, positives and skipped are there
 * and the rest is NULL; what one class alone leaves undefined is NULL.
 */
PG_FUNCTION_INFO_V1(lead_evaluate_finalfn);
Datum
lead_evaluate_finalfn(PG_FUNCTION_ARGS)
{
	PairState  *state = PairsFinal(fcinfo);
	bool		given = state != NULL && state->has_param;

	return EvaluationRow(fcinfo, PairsTies(state), state ? state->skipped : 0,
						 given ? state->param : DEFAULT_THRESHOLD);
}
