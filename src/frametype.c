/*-------------------------------------------------------------------------
 *
 * frametype.c
 *	  The type leadframe: input, union, fit, description.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"

#include "fit.h"
#include "valuetype.h"

static void
CheckFrame(const struct varlena *bytes)
{
	(void) FrameDecode(bytes);
}

PG_FUNCTION_INFO_V1(leadframe_in);
Datum
leadframe_in(PG_FUNCTION_ARGS)
{
	return ValueIn(fcinfo, "leadframe",
				   "(SELECT lead_frame(won, t) FROM training AS t)", CheckFrame);
}

PG_FUNCTION_INFO_V1(leadframe_recv);
Datum
leadframe_recv(PG_FUNCTION_ARGS)
{
	return ValueRecv(fcinfo, CheckFrame);
}

/* frame || frame: the rows of both */
PG_FUNCTION_INFO_V1(lead_frame_union);
Datum
lead_frame_union(PG_FUNCTION_ARGS)
{
	FrameBuilder *b = FrameBuilderCreate(CurrentMemoryContext,
										 FRAME_MAX_DISTINCT_LIMIT, 0);

	FrameBuilderAbsorb(b, FrameDecode(PG_GETARG_VARLENA_P(0)));
	FrameBuilderAbsorb(b, FrameDecode(PG_GETARG_VARLENA_P(1)));
	PG_RETURN_BYTEA_P(FrameBuilderEncode(b));
}

PG_FUNCTION_INFO_V1(lead_fit);
Datum
lead_fit(PG_FUNCTION_ARGS)
{
	Options    *opt;
	Frame	   *frame;
	bytea	   *model;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	opt = OptionsParse(PG_ARGISNULL(1) ? NULL : PG_GETARG_JSONB_P(1), OPTIONS_FIT);
	frame = FrameDecode(PG_GETARG_VARLENA_P(0));
	CheckColumnsExist(frame, opt);
	model = FitModel(FrameStatsCompute(frame), opt);
	if (model == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(model);
}

/* ---- lead_describe ---- */

/* Five most frequent values as text, "Oslo (12), Paris (7), …". */
static char *
MostFrequent(const FrameColumn *c, const ColumnStats *cs)
{
	StringInfoData buf;
	int			shown[5];

	initStringInfo(&buf);
	for (int n = 0; n < 5; n++)
	{
		int			best = -1;
		int64		best_rows = 0;

		for (int k = 0; k < c->nvalues; k++)
		{
			int64		rows = cs->values[k + 1].pos + cs->values[k + 1].neg;
			bool		taken = false;

			for (int i = 0; i < n; i++)
				taken = taken || shown[i] == k;
			if (!taken && rows > best_rows)
			{
				best = k;
				best_rows = rows;
			}
		}
		if (best < 0)
			break;
		shown[n] = best;
		appendStringInfo(&buf, "%s%s (%lld)", n == 0 ? "" : ", ",
						 c->texts != NULL ?
						 TextFromUtf8(c->texts[best], c->lengths[best]) :
						 CellTypeClass(c->type) == CLASS_BOOL ?
						 (c->numbers[best] != 0 ? "true" : "false") :
						 NumberText(c->numbers[best]),
						 (long long) best_rows);
	}
	return buf.data;
}

static char *
TimeOrNumber(const FrameColumn *c, double x)
{
	char	   *text = NULL;

	if (CellTypeClass(c->type) == CLASS_TIME && c->part == TRANSFORM_NONE)
		text = TimeText(x, c->type);
	return text != NULL ? text : NumberText(x);
}

const char *
FrameColumnKind(const FrameColumn *c)
{
	static const char *const roles[] = {NULL, "weight", "offset", "group", "time"};

	if (c->role != ROLE_FEATURE)
		return roles[c->role];
	return c->part != TRANSFORM_NONE ? KIND_CATEGORICAL : CellTypeKind(c->type);
}

/* What the fit with default options would do with the column. */
static char *
Treatment(const FrameStats *s, const FittedEncoder *fe, int column,
		  const LeftOut *determines)
{
	const FrameColumn *c = &s->frame->columns[column];
	ListCell   *lc;

	if (c->role != ROLE_FEATURE)
		return psprintf("used as %s", FrameColumnKind(c));
	if (determines != NULL)
		return psprintf("stops the fit: alone determines the label. %s",
						determines->detail);
	foreach(lc, fe->report.left_out)
	{
		const LeftOut *l = lfirst(lc);

		if (strcmp(l->column, c->name) == 0)
			return psprintf("left out: %s (%s)", l->reason, l->detail);
	}
	for (int k = 0; k < fe->encoder->nfeatures; k++)
	{
		const Feature *f = &fe->encoder->features[k];

		if (fe->frame_column[k] != column)
			continue;
		if (f->kind == FEATURE_NUMBER)
			return psprintf("number%s", f->null_column >= 0 ?
							", NULL imputed by the mean and marked" :
							f->null_column == DESIGN_NONE ? ", NULL imputed by the mean" : "");
		return psprintf("%d level%s%s%s", f->nlevels, f->nlevels == 1 ? "" : "s",
						f->other_column != DESIGN_AVERAGE ? ", others pooled" : "",
						s->columns[column].null.pos + s->columns[column].null.neg > 0 ?
						(f->null_column == f->other_column ? ", NULL pooled" : ", NULL a level") : "");
	}
	return pstrdup("its parts are used");
}

static void
DescribeColumn(ReturnSetInfo *rsinfo, const FrameStats *s,
			   const FittedEncoder *fe, int column, const LeftOut *determines)
{
	const FrameColumn *c = &s->frame->columns[column];
	const ColumnStats *cs = &s->columns[column];
	bool		number = FrameColumnHasCells(c) && CellTypeClass(c->type) != CLASS_TEXT;
	double		low = number ? cs->min : c->low,
				high = number ? cs->max : c->high;
	Datum		values[12];
	bool		nulls[12] = {0};
	char	   *treatment = Treatment(s, fe, column, determines);

	values[0] = CStringGetTextDatum(TextFromUtf8(c->name, strlen(c->name)));
	values[1] = CStringGetTextDatum(CellTypeName(c->type));
	values[2] = CStringGetTextDatum(FrameColumnKind(c));
	values[3] = Int64GetDatum(s->frame->rows);
	values[4] = Int64GetDatum(c->nulls);
	nulls[5] = !FrameColumnHasCells(c);
	if (!nulls[5])
		values[5] = Int64GetDatum(cs->distinct >= 0 ? cs->distinct :
								  CountDistinctNumbers(s->frame, c));
	nulls[6] = nulls[7] = (cs->nonnull == 0 || CellTypeClass(c->type) == CLASS_TEXT ||
						   (c->store == STORE_COUNTED && low == 0 && high == 0));	/* no range */
	if (!nulls[6])
	{
		values[6] = CStringGetTextDatum(TimeOrNumber(c, low));
		values[7] = CStringGetTextDatum(TimeOrNumber(c, high));
	}
	nulls[8] = nulls[9] = (!number || cs->nonnull == 0);
	values[8] = Float8GetDatum(cs->mean);
	values[9] = Float8GetDatum(cs->sd);
	nulls[10] = (c->store != STORE_DICTIONARY || cs->nonnull == 0);
	if (!nulls[10])
		values[10] = CStringGetTextDatum(MostFrequent(c, cs));
	values[11] = CStringGetTextDatum(TextFromUtf8(treatment, strlen(treatment)));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(lead_describe);
Datum
lead_describe(PG_FUNCTION_ARGS)
{
	Frame	   *frame = FrameDecode(PG_GETARG_VARLENA_P(0));
	FrameStats *s = FrameStatsCompute(frame);
	Options    *opt = OptionsParse(NULL, OPTIONS_FIT);
	const LeftOut **determines = palloc0(sizeof(LeftOut *) * Max(frame->ncolumns, 1));
	FittedEncoder *fe;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < frame->ncolumns; i++)
	{
		const LeftOut *l;

		if (frame->columns[i].role != ROLE_FEATURE ||
			(l = ScreenColumn(s, i, opt)) == NULL ||
			strcmp(l->reason, LEFT_OUT_DETERMINES) != 0)
			continue;
		determines[i] = l;
		opt->allow = lappend(opt->allow, frame->columns[i].name);
	}
	fe = EncoderFit(s, opt, false);
	for (int i = 0; i < frame->ncolumns; i++)
		DescribeColumn((ReturnSetInfo *) fcinfo->resultinfo, s, fe, i, determines[i]);
	PG_RETURN_NULL();
}
