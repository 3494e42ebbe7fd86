/*-------------------------------------------------------------------------
 *
 * choose.c
 *	  lead_threshold(): the criterion in the options, the choice as a row.
 *
 * State, parallel support and the treatment of NULL are those of lead_evaluate();
 * the choice itself is made in threshold.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "framescore.h"
#include "options.h"
#include "threshold.h"

#define CHOICE_COLUMNS	15

/* What can be asked for: the option, the criterion, and where its number goes. */
typedef struct CriterionSpec
{
	const char *name;
	Criterion	criterion;
	int			number;
	double		low;
	double		high;
	const char *expected;
} CriterionSpec;

static const CriterionSpec specs[] = {
	{"best", CRITERION_NONE},	/* a word says which */
	{"capacity", CRITERION_CAPACITY, 0, 1, PAIRS_MAX, "a number from 1 on"},
	{"cost_fn", CRITERION_COST, COST_FN, -1e12, 1e12, "a number from -1e12 to 1e12"},
	{"cost_fp", CRITERION_COST, COST_FP, -1e12, 1e12, "a number from -1e12 to 1e12"},
	{"cost_tn", CRITERION_COST, COST_TN, -1e12, 1e12, "a number from -1e12 to 1e12"},
	{"cost_tp", CRITERION_COST, COST_TP, -1e12, 1e12, "a number from -1e12 to 1e12"},
	{"min_precision", CRITERION_MIN_PRECISION, 0, 1e-12, 1, "a number above 0 and up to 1"},
	{"min_recall", CRITERION_MIN_RECALL, 0, 1e-12, 1, "a number above 0 and up to 1"},
	{"share", CRITERION_SHARE, 0, 1e-12, 1, "a number above 0 and up to 1"},
};

#define CRITERION_EXAMPLE	"{\"best\": \"f1\"}"

static const CriterionSpec *
SpecOf(const char *name)
{
	StringInfoData known;

	initStringInfo(&known);
	for (int i = 0; i < lengthof(specs); i++)
	{
		if (strcmp(specs[i].name, name) == 0)
			return &specs[i];
		appendStringInfo(&known, "%s%s", i > 0 ? ", " : "", specs[i].name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown option \"%s\"", name),
			 errhint("The options are: %s.", known.data)));
	return NULL;
}

/* One criterion, whose numbers are 0 where they are not given. */
static void
ReadCriterion(Datum given, PairChoice *choice)
{
	static const char *const words[] = {"f1", "youden"};
	const Jsonb *options = DatumGetJsonbP(given);
	JsonbIterator *it;
	JsonbValue	v;

	OptionsCheckObject(options, CRITERION_EXAMPLE);
	it = JsonbIteratorInit(unconstify(JsonbContainer *, &options->root));
	(void) JsonbIteratorNext(&it, &v, false);
	while (JsonbIteratorNext(&it, &v, true) == WJB_KEY)
	{
		char	   *name = pnstrdup(v.val.string.val, v.val.string.len);
		const CriterionSpec *spec = SpecOf(name);
		OptionReader r = {name, &v};
		Criterion	criterion = spec->criterion;

		(void) JsonbIteratorNext(&it, &v, true);
		if (criterion == CRITERION_NONE)
			criterion = OptionWord(&r, words, 2) == 0 ? CRITERION_F1 : CRITERION_YOUDEN;
		else
			choice->number[spec->number] = OptionNumber(&r, spec->low, spec->high, spec->expected);
		if (choice->kind != CRITERION_NONE && choice->kind != criterion)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("options contradict each other"),
					 errdetail("A threshold serves one purpose: \"best\", costs, \"min_precision\", \"min_recall\", \"share\" or \"capacity\".")));
		choice->kind = criterion;
	}
	if (choice->kind == CRITERION_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must say what the threshold is for"),
				 errhint("For example %s or {\"cost_fp\": 1, \"cost_fn\": 20}.", CRITERION_EXAMPLE)));
}

static const PairParam CriterionParam = {"options", false, ReadCriterion};

PG_FUNCTION_INFO_V1(lead_pairs_criterion_bool_transfn);
Datum
lead_pairs_criterion_bool_transfn(PG_FUNCTION_ARGS)
{
	return PairsTransition(fcinfo, false, &CriterionParam);
}

PG_FUNCTION_INFO_V1(lead_pairs_criterion_int_transfn);
Datum
lead_pairs_criterion_int_transfn(PG_FUNCTION_ARGS)
{
	return PairsTransition(fcinfo, true, &CriterionParam);
}

/* The row, of ties that it frees; NULL: there is no pair. */
static Datum
ChoiceRow(FunctionCallInfo fcinfo, Ties *ties, int64 skipped, const PairChoice *criterion)
{
	TupleDesc	desc = PairsRowDesc(fcinfo, CHOICE_COLUMNS);
	Datum		values[CHOICE_COLUMNS] = {0};
	bool		nulls[CHOICE_COLUMNS];
	ThresholdChoice c = {"there are no pairs of score and label"};
	HeapTuple	tuple;
	int			i = 0;

	memset(nulls, true, sizeof(nulls));
	memset(nulls, false, 3 * sizeof(bool));
	if (ties != NULL)
		ChooseThreshold(ties, criterion, &c);
	values[i++] = Int64GetDatum(ties ? ties->n : 0);
	values[i++] = Int64GetDatum(ties ? ties->pos : 0);
	values[i++] = Int64GetDatum(skipped);
	if (c.note == NULL)
	{
		int64		tn = ties->neg - c.fp,
					fn = ties->pos - c.tp;

		PutFloat(values, nulls, i++, c.threshold);
		PutFloat(values, nulls, i++, c.value);
		memset(&nulls[i], false, 4 * sizeof(bool));
		values[i++] = Int64GetDatum(c.tp);
		values[i++] = Int64GetDatum(c.fp);
		values[i++] = Int64GetDatum(tn);
		values[i++] = Int64GetDatum(fn);
		PutFloat(values, nulls, i++, Share(c.tp, c.tp + c.fp));
		PutFloat(values, nulls, i++, Share(c.tp, ties->pos));
		PutFloat(values, nulls, i++, Share(tn, ties->neg));
		PutFloat(values, nulls, i++, Share(2 * c.tp, c.tp + c.fp + ties->pos));
		PutFloat(values, nulls, i++, Share(c.tp + c.fp, ties->n));
	}
	else
	{
		nulls[CHOICE_COLUMNS - 1] = false;
		values[CHOICE_COLUMNS - 1] = CStringGetTextDatum(c.note);
	}
	if (ties != NULL)
		TiesFree(ties);
	tuple = heap_form_tuple(desc, values, nulls);
	ReleaseTupleDesc(desc);
	PG_RETURN_DATUM(HeapTupleGetDatum(tuple));
}

/* lead_threshold(score, label, options) → lead_threshold_choice */
PG_FUNCTION_INFO_V1(lead_threshold_finalfn);
Datum
lead_threshold_finalfn(PG_FUNCTION_ARGS)
{
	PairState  *state = PairsFinal(fcinfo);

	if (state != NULL && (state->choice.kind <= CRITERION_NONE || state->choice.kind > CRITERION_LAST))
		elog(ERROR, "no criterion for a threshold");
	return ChoiceRow(fcinfo, PairsTies(state), state ? state->skipped : 0,
					 state ? &state->choice : NULL);
}

/* lead_threshold_frame(model, frame, options) → lead_threshold_choice */
PG_FUNCTION_INFO_V1(lead_threshold_frame);
Datum
lead_threshold_frame(PG_FUNCTION_ARGS)
{
	Model	   *model = ModelDecode(PG_GETARG_DATUM(0), true);
	Frame	   *frame = FrameDecode(PG_GETARG_VARLENA_P(1));
	PairChoice	criterion = {0};

	ReadCriterion(PG_GETARG_DATUM(2), &criterion);
	return ChoiceRow(fcinfo, FrameTies(model, frame), frame->unknown, &criterion);
}
