/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  Why a lead has the score it has.
 *
 * A linear model explains itself: the log-odds of a lead are those of the
 * average lead plus, for each column, what its value adds to what the average
 * lead has there.  Of trees a column's part is its Shapley value (treeshap.c).
 * Nothing is sampled or approximated; the parts add up.
 *
 * lead_explain() gives the parts as rows, lead_reasons() the strongest few as
 * one line for the person who makes the call, lead_unseen() the columns that
 * training could say nothing about.  The line is plain ASCII, so that it
 * exists in every encoding, and says what multiplies the odds, because that
 * can be said without knowing the other columns; percentages could not.
 *
 * A calibration bends the sum and belongs to no column: the parts are those of
 * the raw score, and it is a step of its own after them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "scoremap.h"

/* A change of the odds, or of the probability, by less than half a percent is no reason. */
#define WEAKEST_REASON	0.005

typedef struct Part
{
	const char *name;			/* UTF-8, the model's */
	int			source;
	double		contribution;
} Part;

/* Strongest first; ties by name. */
static int
ComparePart(const void *a, const void *b)
{
	const Part *x = a;
	const Part *y = b;
	double		dx = fabs(x->contribution);
	double		dy = fabs(y->contribution);

	if (dx != dy)
		return dx > dy ? -1 : 1;
	return strcmp(x->name, y->name);
}

/*
 * All parts of a row's log-odds, sorted; *sum gets what they are together with the
 * average lead's, which no calibration has changed yet.
 */
static Part *
SortedParts(const Scorer *s, double *average, double *sum)
{
	const Encoder *enc = s->model->encoder;
	double	   *contribution = palloc(sizeof(double) * Max(enc->nsources, 1));
	Part	   *parts = palloc(sizeof(Part) * Max(enc->nsources, 1));

	*sum = ModelContributions(s->model, s->cells, contribution, average);
	for (int i = 0; i < enc->nsources; i++)
	{
		parts[i].name = enc->sources[i].name;
		parts[i].source = i;
		parts[i].contribution = contribution[i];
	}
	qsort(parts, enc->nsources, sizeof(Part), ComparePart);
	return parts;
}

/* ------------------------------------------------------------------------
 * Values in words
 * ------------------------------------------------------------------------
 */

static char *
CellValueText(const Cell *cell)
{
	char	   *text;

	switch (CellTypeClass(cell->type))
	{
		case CLASS_BOOL:
			return pstrdup(cell->number != 0 ? "true" : "false");
		case CLASS_TEXT:
			return TextFromUtf8(cell->text, cell->len);
		case CLASS_TIME:
			text = TimeText(cell->number, cell->type);
			return text != NULL ? text : NumberText(cell->number);
		case CLASS_INTERVAL:
			return psprintf("%s s", NumberText(cell->number));
		default:
			return NumberText(cell->number);
	}
}

/* How a source's value stands to what training saw. */
typedef enum Known
{
	KNOWN,						/* it has a place of its own */
	KNOWN_AS_OTHER,				/* pooled with other rare or new levels */
	NOT_KNOWN					/* nothing learnt: counts as the average lead */
} Known;

static Known
ValueKnown(const Scorer *s, int source)
{
	const Model *model = s->model;
	const Encoder *enc = model->encoder;
	const Cell *cell = &s->cells[source];
	Known		known = KNOWN;

	for (int i = 0; i < enc->nfeatures; i++)
	{
		const Feature *f = &enc->features[i];
		double		value;
		int			column;

		if (f->source != source || f->kind == FEATURE_OFFSET)
			continue;
		column = FeaturePlace(model, f, cell, &value);
		if (column == DESIGN_AVERAGE || column == DESIGN_ERROR)
			return NOT_KNOWN;
		/* parts of a time are levels too, but the time is what is shown */
		if (f->kind == FEATURE_LEVELS && column == f->other_column &&
			f->transform == TRANSFORM_NONE && !cell->isnull)
			known = KNOWN_AS_OTHER;
	}
	return known;
}

/* A value, called `null` if it is one, with a remark if it isn't known. */
static char *
ValueText(const Scorer *s, int source, const char *null)
{
	static const char *const remark[] = {
		[KNOWN] = "",
		[KNOWN_AS_OTHER] = " (other)",
		[NOT_KNOWN] = " (not seen in training)",
	};
	const Cell *cell = &s->cells[source];

	return psprintf("%s%s", cell->isnull ? null : CellValueText(cell),
					remark[ValueKnown(s, source)]);
}

/* ------------------------------------------------------------------------
 * lead_explain
 * ------------------------------------------------------------------------
 */

/* Rows go to a tuplestore: values per call would decode the model again. */
static Tuplestorestate *
BeginRows(FunctionCallInfo fcinfo, TupleDesc *tupdesc)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext old;
	Tuplestorestate *rows;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) ||
		!(rsinfo->allowedModes & SFRM_Materialize))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("set-valued function called in context that cannot accept a set")));
	old = MemoryContextSwitchTo(rsinfo->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	rows = tuplestore_begin_heap((rsinfo->allowedModes & SFRM_Materialize_Random) != 0,
								 false, work_mem);
	rsinfo->returnMode = SFRM_Materialize;
	rsinfo->setResult = rows;
	rsinfo->setDesc = *tupdesc;
	MemoryContextSwitchTo(old);
	return rows;
}

static void
PutPart(Tuplestorestate *rows, TupleDesc tupdesc, const Model *model, char *name,
		char *value, double contribution)
{
	Datum		values[4];
	bool		nulls[4] = {false, false, false, false};

	values[0] = CStringGetTextDatum(name);
	nulls[1] = (value == NULL);
	values[1] = value ? CStringGetTextDatum(value) : (Datum) 0;
	values[2] = Float8GetDatum(contribution);
	values[3] = CStringGetTextDatum(ModelIsForest(model) ? "probability" : "log-odds");
	tuplestore_putvalues(rows, tupdesc, values, nulls);
}

/*
 * The last step, from what the parts add up to, the raw score, to the score.  A
 * map may be steep, so it is not asked for a sum that has been rounded otherwise.
 */
static void
PutCalibration(Tuplestorestate *rows, TupleDesc tupdesc, const Scorer *s, double sum)
{
	const Model *model = s->model;
	double		output = ModelOutput(model, s->cells),
				calibrated = ModelIsForest(model) ? ModelScore(model, output) :
		ModelScoreLogOdds(model, output);

	PutPart(rows, tupdesc, model, "(calibration)", NumberText(ModelProbability(model, output)),
			calibrated - sum);
}

static Datum
Explain(FunctionCallInfo fcinfo, RowForm form)
{
	TupleDesc	tupdesc;
	Tuplestorestate *rows = BeginRows(fcinfo, &tupdesc);
	Scorer	   *s = ScorerRow(fcinfo, form);
	MemoryContext old = MemoryContextSwitchTo(s->rowcxt);
	double		average,
				sum;
	Part	   *parts = SortedParts(s, &average, &sum);

	for (int i = 0; i < s->model->encoder->nsources; i++)
		PutPart(rows, tupdesc, s->model,
				TextFromUtf8(parts[i].name, strlen(parts[i].name)),
				ValueText(s, parts[i].source, "(null)"),
				parts[i].contribution);
	PutPart(rows, tupdesc, s->model, "(average lead)", NULL, average);
	if (s->model->map != NULL)
		PutCalibration(rows, tupdesc, s, sum);
	MemoryContextSwitchTo(old);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(lead_explain);
Datum
lead_explain(PG_FUNCTION_ARGS)
{
	return Explain(fcinfo, ROW_RECORD);
}

PG_FUNCTION_INFO_V1(lead_explain_json);
Datum
lead_explain_json(PG_FUNCTION_ARGS)
{
	return Explain(fcinfo, ROW_JSON);
}

/* ------------------------------------------------------------------------
 * lead_reasons
 * ------------------------------------------------------------------------
 */

/*
 * What the odds are multiplied by, as short as it says enough; of a forest the
 * points of a hundred that are added to the probability.
 */
static char *
EffectText(const Model *model, double contribution)
{
	double		ratio = exp(contribution);

	if (ModelIsForest(model))
		return psprintf("%+.1f points", 100 * contribution);
	if (ratio >= 1e6)
		return pstrdup("odds x over 1000000");
	if (ratio < 0.001)
		return pstrdup("odds x under 0.001");
	return psprintf(ratio >= 100 ? "odds x %.0f" : "odds x %.3g", ratio);
}

static Datum
Reasons(FunctionCallInfo fcinfo, RowForm form)
{
	int32		wanted = PG_GETARG_INT32(2);
	StringInfoData buf;
	Scorer	   *s;
	Part	   *parts;
	double		average,
				sum;

	if (wanted < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the number of reasons must be at least 1, not %d",
						wanted)));
	initStringInfo(&buf);
	s = ScorerRow(fcinfo, form);
	parts = SortedParts(s, &average, &sum);
	for (int i = 0; i < s->model->encoder->nsources && wanted > 0; i++, wanted--)
	{
		const Part *part = &parts[i];

		if (!(fabs(part->contribution) >= WEAKEST_REASON))
			break;				/* the rest are weaker */
		appendStringInfo(&buf, "%s%c %s is %s (%s)",
						 i > 0 ? "; " : "",
						 part->contribution > 0 ? '+' : '-',
						 TextFromUtf8(part->name, strlen(part->name)),
						 ValueText(s, part->source, "unknown"),
						 EffectText(s->model, part->contribution));
	}
	if (buf.len == 0)
		appendStringInfoString(&buf, "like the average lead");
	PG_RETURN_TEXT_P(cstring_to_text_with_len(buf.data, buf.len));
}

PG_FUNCTION_INFO_V1(lead_reasons);
Datum
lead_reasons(PG_FUNCTION_ARGS)
{
	return Reasons(fcinfo, ROW_RECORD);
}

PG_FUNCTION_INFO_V1(lead_reasons_json);
Datum
lead_reasons_json(PG_FUNCTION_ARGS)
{
	return Reasons(fcinfo, ROW_JSON);
}

/* ------------------------------------------------------------------------
 * lead_unseen
 * ------------------------------------------------------------------------
 */

/*
 * The columns whose level, or NULL, training never saw and keeps no "other"
 * for.  With {"unseen": "error"} this is how to find them before scoring.
 */
static Datum
Unseen(FunctionCallInfo fcinfo, RowForm form)
{
	Scorer	   *s = ScorerRow(fcinfo, form);
	const Encoder *enc = s->model->encoder;
	Datum	   *names = palloc(sizeof(Datum) * Max(enc->nsources, 1));
	int			n = 0;

	for (int i = 0; i < enc->nsources; i++)
	{
		const char *name = enc->sources[i].name;

		if (ValueKnown(s, i) == NOT_KNOWN)
			names[n++] = CStringGetTextDatum(TextFromUtf8(name, strlen(name)));
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(names, n, TEXTOID, -1, false,
										  TYPALIGN_INT));
}

PG_FUNCTION_INFO_V1(lead_unseen);
Datum
lead_unseen(PG_FUNCTION_ARGS)
{
	return Unseen(fcinfo, ROW_RECORD);
}

PG_FUNCTION_INFO_V1(lead_unseen_json);
Datum
lead_unseen_json(PG_FUNCTION_ARGS)
{
	return Unseen(fcinfo, ROW_JSON);
}
