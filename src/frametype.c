/*-------------------------------------------------------------------------
 *
 * frametype.c
 *	  The type leadframe: input and output, union, fit, description.
 *
 * As text a frame is the hexadecimal of its bytes, like a bytea; whatever comes
 * in is decoded once to see that it is one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/memutils.h"

#include "fit.h"

/* Decode to see whether it is a frame, and forget the result. */
static void
CheckFrame(const struct varlena *bytes)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext,
											   "leadscore check", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(work);

	(void) FrameDecode(bytes);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
}

PG_FUNCTION_INFO_V1(leadframe_in);
Datum
leadframe_in(PG_FUNCTION_ARGS)
{
	char	   *s = PG_GETARG_CSTRING(0);
	Datum		d;

	if (s[0] != '\\' || s[1] != 'x')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type leadframe"),
				 errdetail("It must start with \\x and go on in hexadecimal.")));
	d = DirectFunctionCall1(byteain, CStringGetDatum(s));
	CheckFrame((struct varlena *) DatumGetPointer(d));
	PG_RETURN_DATUM(d);
}

PG_FUNCTION_INFO_V1(leadframe_out);
Datum
leadframe_out(PG_FUNCTION_ARGS)
{
	bytea	   *b = PG_GETARG_BYTEA_PP(0);
	size_t		len = VARSIZE_ANY_EXHDR(b);
	char	   *s = palloc_extended(len * 2 + 3, MCXT_ALLOC_HUGE);

	s[0] = '\\';
	s[1] = 'x';
	hex_encode(VARDATA_ANY(b), len, s + 2);
	s[len * 2 + 2] = '\0';
	PG_RETURN_CSTRING(s);
}

PG_FUNCTION_INFO_V1(leadframe_recv);
Datum
leadframe_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			n = buf->len - buf->cursor;
	bytea	   *b = palloc(VARHDRSZ + n);

	SET_VARSIZE(b, VARHDRSZ + n);
	pq_copymsgbytes(buf, VARDATA(b), n);
	CheckFrame((struct varlena *) b);
	PG_RETURN_BYTEA_P(b);
}

PG_FUNCTION_INFO_V1(leadframe_send);
Datum
leadframe_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0));
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

static const char *
KindOf(const FrameColumn *c)
{
	static const char *const roles[] = {NULL, "weight", "offset", "group", "time"};

	if (c->role != ROLE_FEATURE)
		return roles[c->role];
	if (c->store == STORE_COUNTED)
		return "time";
	switch (CellTypeClass(c->type))
	{
		case CLASS_NUMBER:
		case CLASS_INTERVAL:
			return "number";
		default:
			return "categorical";
	}
}

/* What the fit with default options would do with the column. */
static char *
Treatment(const FrameStats *s, const FittedEncoder *fe, int column,
		  const LeftOut *determines)
{
	const FrameColumn *c = &s->frame->columns[column];
	ListCell   *lc;

	if (c->role != ROLE_FEATURE)
		return psprintf("used as %s", KindOf(c));
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
	values[2] = CStringGetTextDatum(KindOf(c));
	values[3] = Int64GetDatum(s->frame->rows);
	values[4] = Int64GetDatum(c->nulls);
	nulls[5] = !FrameColumnHasCells(c);
	if (!nulls[5])
		values[5] = Int64GetDatum(cs->distinct >= 0 ? cs->distinct :
								  CountDistinctNumbers(s->frame, c));
	nulls[6] = nulls[7] = (cs->nonnull == 0 || CellTypeClass(c->type) == CLASS_TEXT);
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
