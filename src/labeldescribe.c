/*-------------------------------------------------------------------------
 *
 * labeldescribe.c
 *	  lead_describe_label(frame) and lead_describe_label_columns(frame): what
 *	  each column says about the label, level by level and in one row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "distance.h"
#include "labelcells.h"
#include "metrics.h"

#define CELL_COLUMNS	16
#define LABEL_COLUMNS	18

/* Siddiqi, Credit Risk Scorecards (2006). */
static const char *
Strength(double information)
{
	return information < 0.02 ? "none" :
		information < 0.1 ? "weak" :
		information < 0.3 ? "medium" :
		information < 0.5 ? "strong" : "suspicious";
}

static int64
RowsOf(const LabelCell *cell)
{
	return cell->pos + cell->neg;
}

static double
RateOf(const LabelCell *cell)
{
	return (double) cell->pos / RowsOf(cell);
}

static void
PutText(Datum *values, bool *nulls, int i, const char *text)
{
	nulls[i] = text == NULL;
	values[i] = text == NULL ? (Datum) 0 : CStringGetTextDatum(text);
}

/* The way of a number does not matter to how much it says. */
static double
EitherWay(double auc)
{
	return auc < 0.5 ? 1 - auc : auc;
}

static void
PutCell(ReturnSetInfo *rsinfo, const LabelColumn *l, int i, int64 rows)
{
	const FrameColumn *c = l->column;
	const LabelCell *cell = &l->cells[i];
	double		low,
				high;
	Datum		values[CELL_COLUMNS];
	bool		nulls[CELL_COLUMNS] = {0};
	int			n = 0;

	WilsonInterval(cell->pos, RowsOf(cell), &low, &high);
	values[n++] = CStringGetTextDatum(TextFromUtf8(c->name, strlen(c->name)));
	values[n++] = CStringGetTextDatum(l->number ? KIND_NUMBER : KIND_CATEGORICAL);
	values[n++] = Int32GetDatum(i + 1);
	values[n++] = CStringGetTextDatum(cell->level);
	PutFloat(values, nulls, n++, cell->lower);
	PutFloat(values, nulls, n++, cell->upper);
	values[n++] = Int64GetDatum(RowsOf(cell));
	PutFloat(values, nulls, n++, (double) RowsOf(cell) / rows);
	values[n++] = Int64GetDatum(cell->pos);
	PutFloat(values, nulls, n++, RateOf(cell));
	PutFloat(values, nulls, n++, low);
	PutFloat(values, nulls, n++, high);
	PutFloat(values, nulls, n++, cell->woe);
	PutFloat(values, nulls, n++, cell->information);
	PutFloat(values, nulls, n++, l->information);
	PutFloat(values, nulls, n++, EitherWay(l->auc));
	Assert(n == CELL_COLUMNS);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* The cell with the lowest (sign -1) or highest rate; rare ones are passed over. */
static const LabelCell *
Extreme(const LabelColumn *l, int sign, int min_count)
{
	const LabelCell *best = NULL;

	for (int i = 0; i < l->n; i++)
		if (RowsOf(&l->cells[i]) >= min_count &&
			(best == NULL || sign * (RateOf(&l->cells[i]) - RateOf(best)) > 0))
			best = &l->cells[i];
	return best;
}

static void
PutColumn(ReturnSetInfo *rsinfo, const LabelColumn *l, int64 rows, double adjusted,
		  int min_count)
{
	const FrameColumn *c = l->column;
	const LeftOut *left = l->left_out;
	Datum		values[LABEL_COLUMNS];
	bool		nulls[LABEL_COLUMNS] = {0};
	int			n = 0;

	values[n++] = CStringGetTextDatum(TextFromUtf8(c->name, strlen(c->name)));
	values[n++] = CStringGetTextDatum(l->number ? KIND_NUMBER : FrameColumnKind(c));
	values[n++] = Int64GetDatum(rows);
	PutFloat(values, nulls, n++, rows > 0 ? (double) c->nulls / rows : NAN);
	values[n++] = Int32GetDatum(l->n);
	PutFloat(values, nulls, n++, l->information);
	PutText(values, nulls, n++, isnan(l->information) ? NULL : Strength(l->information));
	PutFloat(values, nulls, n++, l->chance);
	PutFloat(values, nulls, n++, l->p);
	PutFloat(values, nulls, n++, adjusted);
	nulls[n] = isnan(adjusted);
	values[n++] = BoolGetDatum(adjusted < LABEL_ALPHA);
	PutFloat(values, nulls, n++, EitherWay(l->auc));
	PutText(values, nulls, n++, !l->number || isnan(l->auc) ? NULL :
			l->auc > 0.5 ? "rising" : l->auc < 0.5 ? "falling" : NULL);
	for (int sign = -1; sign <= 1; sign += 2)
	{
		const LabelCell *cell = Extreme(l, sign, min_count);

		PutText(values, nulls, n++, cell == NULL ? NULL : cell->level);
		PutFloat(values, nulls, n++, cell == NULL ? NAN : RateOf(cell));
	}
	PutText(values, nulls, n++, left == NULL ? NULL :
			psprintf("%s (%s)", left->reason, TextFromUtf8(left->detail, strlen(left->detail))));
	Assert(n == LABEL_COLUMNS);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* The arguments of both functions; false without a frame. */
static bool
ReadArguments(FunctionCallInfo fcinfo, const Frame **frame, Options **opt)
{
	*opt = OptionsParse(PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), OPTIONS_LABEL);
	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return false;
	*frame = FrameDecode(PG_GETARG_VARLENA_P(0));
	CheckColumnsExist(*frame, *opt);
	return true;
}

PG_FUNCTION_INFO_V1(lead_describe_label);
Datum
lead_describe_label(PG_FUNCTION_ARGS)
{
	const Frame *frame;
	Options    *opt;
	LabelColumn *columns;
	int			n;

	if (!ReadArguments(fcinfo, &frame, &opt))
		PG_RETURN_NULL();
	columns = LabelColumns(FrameStatsCompute(frame), opt, &n);
	for (int i = 0; i < n; i++)
		for (int k = 0; k < columns[i].n; k++)
			PutCell((ReturnSetInfo *) fcinfo->resultinfo, &columns[i], k, frame->rows);
	PG_RETURN_NULL();
}

PG_FUNCTION_INFO_V1(lead_describe_label_columns);
Datum
lead_describe_label_columns(PG_FUNCTION_ARGS)
{
	const Frame *frame;
	Options    *opt;
	LabelColumn *columns;
	double	   *p;
	int			n;

	if (!ReadArguments(fcinfo, &frame, &opt))
		PG_RETURN_NULL();
	columns = LabelColumns(FrameStatsCompute(frame), opt, &n);
	p = palloc(sizeof(double) * Max(n, 1));
	for (int i = 0; i < n; i++)
		p[i] = columns[i].p;
	AdjustFalseDiscovery(p, n);
	for (int i = 0; i < n; i++)
		PutColumn((ReturnSetInfo *) fcinfo->resultinfo, &columns[i], frame->rows, p[i],
				  opt->min_count);
	PG_RETURN_NULL();
}
