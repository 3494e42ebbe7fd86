/*-------------------------------------------------------------------------
 *
 * encoder.c
 *	  Fitting an encoder: how each column of a frame becomes design columns.
 *
 * Levels with fewer than min_count rows, and all beyond the max_levels most
 * frequent, are pooled into one column "other"; NULL is a level of its own
 * when it has min_count rows and else belongs to other.  Where other itself
 * has fewer rows it gets no column: its rows count as the average lead.  Unpenalised fits
 * leave out one group as the reference, so that the coefficients exist;
 * penalised fits give every group a column, because leaving one out would make
 * the penalty depend on which.
 *
 * Numbers stay numbers; a NULL becomes the mean, with an indicator beside it
 * when there are min_count of them.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "fit.h"

/* Below this, in microseconds, a season has not come round twice. */
#define TWO_YEARS	(2 * 365.25 * 86400e6)

/* What the options say for one column, the column's own before the call's. */
typedef struct Choice
{
	TreatAs		as;
	Transform	transform;
	int			bins;
	int			min_count;
	int			max_levels;
	bool		unseen_error;
	const char *reference;
	bool		trees;			/* all rows have a group; numbers are binned */
} Choice;

/* The options of a column: a part of a time has its own, or those of the time. */
const ColumnOptions *
OptionsForFrameColumn(const Options *opt, const FrameColumn *c)
{
	const ColumnOptions *co = OptionsForColumn(opt, c->name);

	return co != NULL ? co : OptionsForColumn(opt, c->source);
}

static Choice
ChooseFor(const Options *opt, const FrameColumn *c)
{
	const ColumnOptions *co = OptionsForFrameColumn(opt, c);
	Choice		ch = {TREAT_AUTO, TRANSFORM_NONE, 0, opt->min_count,
		opt->max_levels, opt->unseen_error, opt->reference};

	if (co != NULL)
	{
		ch.as = co->as;
		ch.transform = co->transform;
		ch.bins = co->bins;
		if (co->min_count >= 0)
			ch.min_count = co->min_count;
		if (co->max_levels >= 0)
			ch.max_levels = co->max_levels;
		if (co->unseen_error >= 0)
			ch.unseen_error = (co->unseen_error == 1);
		if (co->reference != NULL)
			ch.reference = co->reference;
	}
	ch.trees = (opt->family != FAMILY_LOGISTIC);
	return ch;
}

static int64
Rows(const ValueCount *v)
{
	return v->pos + v->neg;
}

void
BadColumnOption(const FrameColumn *c, const char *option, const char *why)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" does not fit column \"%s\"", option,
					TextFromUtf8(c->name, strlen(c->name))),
			 errdetail("%s", why)));
}

static void
Leave(FitReport *report, const FrameColumn *c, const char *reason, const char *detail)
{
	report->left_out = lappend(report->left_out, LeaveOut(c, reason, detail));
}

static void
NoteReference(FitReport *report, const FrameColumn *c, const char *level)
{
	Reference  *r = palloc(sizeof(Reference));

	r->column = c->name;
	r->level = level;
	report->references = lappend(report->references, r);
}

static void
NotePooled(FitReport *report, const FrameColumn *c, int levels, int64 rows,
		   const char *into)
{
	Pooled	   *p = palloc(sizeof(Pooled));

	p->column = c->name;
	p->levels = levels;
	p->rows = rows;
	p->into = into;
	report->pooled = lappend(report->pooled, p);
}

static char *
ValueText(const FrameColumn *c, int k)
{
	if (c->texts != NULL)
		return pnstrdup(c->texts[k], c->lengths[k]);
	if (CellTypeClass(c->type) == CLASS_BOOL)
		return pstrdup(c->numbers[k] != 0 ? "true" : "false");
	return NumberText(c->numbers[k]);
}

/* ---- levels ---- */

/*
 * Which values become levels: kept[k] for the k-th of the dictionary.  Returns
 * how many, and the rows and number of those that don't.
 */
static int
KeepLevels(const FrameColumn *c, const ColumnStats *cs, const Choice *ch,
		   bool *kept, int *npooled, int64 *pooled_rows)
{
	ValueRows  *v = palloc(sizeof(ValueRows) * Max(c->nvalues, 1));
	int			n = 0,
				nkept;

	*npooled = (int) cs->distinct;
	*pooled_rows = cs->nonnull;
	for (int k = 0; k < c->nvalues; k++)
	{
		int64		rows = Rows(&cs->values[k + 1]);

		kept[k] = false;
		if (rows < ch->min_count)
			continue;
		v[n].value = k;
		v[n++].rows = rows;
	}
	nkept = KeepMostFrequent(v, n, ch->max_levels);
	for (int i = 0; i < nkept; i++)
	{
		kept[v[i].value] = true;
		(*npooled)--;
		*pooled_rows -= v[i].rows;
	}
	pfree(v);
	return nkept;
}

/* The groups of a levels feature: its levels, then other, then NULL. */
typedef struct Groups
{
	int			nlevels;
	int64	   *rows;			/* nlevels + 2 */
	bool		other;
	bool		null;
} Groups;

#define OTHER_GROUP(g)	((g)->nlevels)
#define NULL_GROUP(g)	((g)->nlevels + 1)

/* Which group is the reference of an unpenalised fit. */
static int
ChooseReference(const FrameColumn *c, const Feature *f, const Groups *g,
				const char *wanted)
{
	int			best = -1;

	if (wanted != NULL && strcmp(wanted, "first") == 0)
		return g->nlevels > 0 ? 0 : g->other ? OTHER_GROUP(g) : NULL_GROUP(g);
	if (wanted != NULL)
	{
		for (int k = 0; k < g->nlevels; k++)
		{
			char	   *text = f->levels[k].text != NULL ?
				pstrdup(f->levels[k].text) :
				CellTypeClass(c->type) == CLASS_BOOL ?
				pstrdup(f->levels[k].number != 0 ? "true" : "false") :
				NumberText(f->levels[k].number);

			if (strcmp(text, wanted) == 0)
				return k;
		}
		if (strcmp(wanted, "(other)") == 0 && g->other)
			return OTHER_GROUP(g);
		if (strcmp(wanted, "(null)") == 0 && g->null)
			return NULL_GROUP(g);
		BadColumnOption(c, "reference",
						psprintf("\"%s\" is no level of it, or has too few rows to be one.",
								 TextFromUtf8(wanted, strlen(wanted))));
	}
	for (int k = 0; k < g->nlevels + 2; k++)
		if ((k < g->nlevels || (k == OTHER_GROUP(g) && g->other) ||
			 (k == NULL_GROUP(g) && g->null)) &&
			(best < 0 || g->rows[k] > g->rows[best]))
			best = k;
	return best;
}

/*
 * Number the groups of a feature from `column` on, the reference getting none.
 * Returns the next free column.
 */
static int
NumberGroups(Feature *f, const Groups *g, int reference, int column,
			 int unseen)
{
	for (int k = 0; k < g->nlevels; k++)
	{
		int			col = (k == reference) ? DESIGN_NONE : column++;

		if (f->kind == FEATURE_BINS)
			f->bin_columns[k] = col;
		else
			f->levels[k].column = col;
	}
	f->other_column = !g->other ? unseen :
		(reference == OTHER_GROUP(g)) ? DESIGN_NONE : column++;
	f->null_column = g->null ?
		((reference == NULL_GROUP(g)) ? DESIGN_NONE : column++) :
		f->other_column;
	return column;
}

/* The feature's levels; false if there would be one group only. */
static bool
FitLevels(const FrameColumn *c, const ColumnStats *cs, const Choice *ch,
		  bool penalised, Feature *f, int *column, FitReport *report)
{
	bool	   *kept = palloc(sizeof(bool) * Max(c->nvalues, 1));
	int			npooled;
	int64		pooled_rows;
	int64		nulls = Rows(&cs->null);
	Groups		g = {0};
	int			reference = -1;

	f->kind = FEATURE_LEVELS;
	g.nlevels = KeepLevels(c, cs, ch, kept, &npooled, &pooled_rows);
	g.null = (nulls >= ch->min_count);
	if (nulls > 0 && !g.null)
	{
		pooled_rows += nulls;
		npooled++;
	}
	/* an "other" of a handful would separate the classes by chance */
	g.other = (pooled_rows > 0 && (pooled_rows >= ch->min_count || ch->trees));
	if (g.nlevels + g.null + g.other < 2)
	{
		Leave(report, c, "one level",
			  psprintf("no two groups of at least %d rows", ch->min_count));
		return false;
	}
	if (npooled > 0)
		NotePooled(report, c, npooled, pooled_rows,
				   g.other ? "(other)" : "the average lead");

	f->nlevels = g.nlevels;
	f->levels = palloc0(sizeof(Level) * Max(g.nlevels, 1));
	g.rows = palloc0(sizeof(int64) * (g.nlevels + 2));
	for (int k = 0, i = 0; k < c->nvalues; k++)
	{
		if (!kept[k])
			continue;
		if (c->texts != NULL)
		{
			f->levels[i].text = ValueText(c, k);
			f->levels[i].len = c->lengths[k];
		}
		else
			f->levels[i].number = c->numbers[k];
		g.rows[i++] = Rows(&cs->values[k + 1]);
	}
	g.rows[OTHER_GROUP(&g)] = pooled_rows;
	g.rows[NULL_GROUP(&g)] = g.null ? nulls : 0;

	if (!penalised)
	{
		reference = ChooseReference(c, f, &g, ch->reference);
		NoteReference(report, c, reference == OTHER_GROUP(&g) ? "(other)" :
					  reference == NULL_GROUP(&g) ? "(null)" :
					  f->levels[reference].text != NULL ? f->levels[reference].text :
					  CellTypeClass(c->type) == CLASS_BOOL ?
					  (f->levels[reference].number != 0 ? "true" : "false") :
					  NumberText(f->levels[reference].number));
	}
	*column = NumberGroups(f, &g, reference, *column,
						   ch->unseen_error ? DESIGN_ERROR : DESIGN_AVERAGE);
	return true;
}

/* ---- bins ---- */

/* For trees, where there are not more different numbers than bins: one each. */
static int
CutAtValues(const FrameColumn *c, const ColumnStats *cs, NumberRank *cuts)
{
	int64		below = 0;
	int			n = 0;

	for (int k = 0; k < c->nvalues; k++)
	{
		int64		rows = Rows(&cs->values[k + 1]);

		if (rows > 0 && below > 0)
		{
			cuts[n].value = c->numbers[k];
			cuts[n++].below = below;
		}
		below += rows;
	}
	return n;
}

/*
 * Cut at the quantiles: the k-th edge is the value of the row of rank
 * k·rows/bins (counting from 0), and a value always falls into the bin that
 * starts with it.  Equal edges, and one at the least value, vanish.
 */
static bool
FitBins(const Frame *frame, const FrameColumn *c, const ColumnStats *cs,
		const Choice *ch, bool penalised, Feature *f, int *column,
		FitReport *report)
{
	int64		nulls = Rows(&cs->null),
				below = 0;
	NumberRank *cuts = palloc(sizeof(NumberRank) * ch->bins);
	int			ncuts = ch->bins - 1;
	Groups		g = {0};
	int			reference = -1;

	for (int k = 0; k < ncuts; k++)
		cuts[k].rank = (k + 1) * cs->nonnull / ch->bins;
	if (ch->trees && cs->values != NULL && cs->distinct <= ch->bins)
		ncuts = CutAtValues(c, cs, cuts);
	else
		FindRanks(frame, c, cs, cuts, ncuts);

	f->kind = FEATURE_BINS;
	f->edges = palloc(sizeof(double) * ch->bins);
	g.rows = palloc0(sizeof(int64) * (ch->bins + 2));
	for (int k = 0; k < ncuts; k++)
	{
		if (cuts[k].below == below)
			continue;			/* the least value, or the edge before */
		g.rows[f->nedges] = cuts[k].below - below;
		f->edges[f->nedges++] = cuts[k].value;
		below = cuts[k].below;
	}
	g.rows[f->nedges] = cs->nonnull - below;
	g.nlevels = f->nedges + 1;
	pfree(cuts);
	g.null = (nulls >= (ch->trees ? 1 : ch->min_count));
	g.rows[NULL_GROUP(&g)] = g.null ? nulls : 0;
	if (g.nlevels + g.null < 2)
	{
		Leave(report, c, "one level", "all values fall into one bin");
		return false;
	}
	f->bin_columns = palloc(sizeof(int) * g.nlevels);
	if (!penalised)
	{
		reference = (ch->reference != NULL && strcmp(ch->reference, "first") == 0) ? 0 :
			ChooseReference(c, f, &g, NULL);
		NoteReference(report, c, reference == NULL_GROUP(&g) ? "(null)" :
					  psprintf("bin %d", reference + 1));
	}
	*column = NumberGroups(f, &g, reference, *column,
						   ch->unseen_error ? DESIGN_ERROR : DESIGN_AVERAGE);
	/* NULLs too few for a column of their own are what the average lead is */
	if (!g.null && nulls > 0)
		f->null_column = DESIGN_AVERAGE;
	return true;
}

/* ---- numbers ---- */

/* A number of the column, and what all rows that have it weigh. */
static void
AddTransformed(const Feature *f, double x, double weight, double *w, double *sum)
{
	Cell		cell = {.number = x};

	*w += weight;
	*sum += weight * TransformCell(f, NULL, &cell);
}

/* The weighted mean after the transform. */
static double
TransformedMean(const FrameStats *s, const FrameColumn *c, const ColumnStats *cs,
				const Feature *f)
{
	PatternBlock block = {0};
	double		w = 0,
				sum = 0,
				x;

	if (f->transform == TRANSFORM_NONE)
		return cs->mean;
	if (c->store == STORE_DICTIONARY)
	{
		for (int k = 1; k <= c->nvalues; k++)
			if (Rows(&cs->values[k]) > 0)
				AddTransformed(f, c->numbers[k - 1], cs->values[k].weight, &w, &sum);
		return w > 0 ? sum / w : 0;
	}
	while (FrameScan(s->frame, &block))
	{
		const uint8 *pattern = block.cells;

		for (int r = 0; r < block.n; r++, pattern += s->frame->stride)
			if (FrameNumber(c, pattern, &x))
				AddTransformed(f, x, PatternWeight(s, pattern) *
							   ((double) block.pos[r] + block.neg[r]), &w, &sum);
	}
	return w > 0 ? sum / w : 0;
}

static bool
FitNumber(const FrameStats *s, const FrameColumn *c, const ColumnStats *cs,
		  const Choice *ch, Feature *f, int *column, FitReport *report)
{
	int64		nulls = Rows(&cs->null);

	if (cs->nonnull < ch->min_count)
	{
		Leave(report, c, "too few values",
			  psprintf("%lld rows have a value, min_count is %d",
					   (long long) cs->nonnull, ch->min_count));
		return false;
	}
	f->kind = FEATURE_NUMBER;
	f->transform = ch->transform;
	f->value_column = (*column)++;
	f->fill = TransformedMean(s, c, cs, f);
	if (!isfinite(f->fill) || (f->transform == TRANSFORM_NONE && !isfinite(cs->sd)))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the numbers of column \"%s\" are too large",
						TextFromUtf8(c->name, strlen(c->name))),
				 errdetail("Their mean or variance is beyond the range of double precision."),
				 errhint("Divide them, or use \"bins\" for the column.")));
	if (nulls >= ch->min_count)
		f->null_column = (*column)++;
	else if (nulls > 0)
		f->null_column = DESIGN_NONE;
	else
		f->null_column = ch->unseen_error ? DESIGN_ERROR : DESIGN_AVERAGE;
	if (nulls > 0)
	{
		Imputed    *i = palloc(sizeof(Imputed));

		i->column = c->name;
		i->rows = nulls;
		i->value = f->fill;
		i->indicator = (f->null_column >= 0);
		report->imputed = lappend(report->imputed, i);
	}
	return true;
}

/* ---- a column ---- */

/* Is the column a number to the fit, given its type and the options? */
static bool
IsNumber(const FrameColumn *c, const ColumnStats *cs, const Choice *ch)
{
	CellClass	class = CellTypeClass(c->type);
	bool		number = (class == CLASS_NUMBER || class == CLASS_INTERVAL);

	if (c->part != TRANSFORM_NONE)
	{
		if (ch->as == TREAT_NUMBER || ch->bins > 0 || ch->transform != TRANSFORM_NONE)
			BadColumnOption(c, ch->as == TREAT_NUMBER ? "as" : ch->bins > 0 ? "bins" : "transform",
							"A part of a time is always categorical.");
		return false;
	}
	if (ch->as == TREAT_NUMBER && !number && class != CLASS_BOOL)
		BadColumnOption(c, "as", psprintf("A column of type %s is no number.",
										  CellTypeName(c->type)));
	if ((ch->bins > 0 || ch->transform != TRANSFORM_NONE) && !number)
		BadColumnOption(c, ch->bins > 0 ? "bins" : "transform",
						psprintf("A column of type %s is no number.",
								 CellTypeName(c->type)));
	if (ch->as == TREAT_CATEGORICAL && (ch->bins > 0 || ch->transform != TRANSFORM_NONE))
		BadColumnOption(c, "as", "A categorical column takes neither \"bins\" nor \"transform\".");
	if (ch->bins > 0 && ch->transform != TRANSFORM_NONE)
		BadColumnOption(c, "bins", "Bins take no \"transform\".");
	if (ch->as == TREAT_CATEGORICAL)
		return false;
	if (ch->as == TREAT_NUMBER)
		return true;
	/* one value or NULL: two groups, the number itself says nothing */
	return number && !(cs->distinct == 1 && ch->bins == 0);
}

static bool
FitColumn(const FrameStats *s, int column, const Options *opt, bool penalised,
		  Feature *f, int *next, FitReport *report)
{
	const FrameColumn *c = &s->frame->columns[column];
	const ColumnStats *cs = &s->columns[column];
	Choice		ch = ChooseFor(opt, c);

	f->name = c->name;
	f->transform = c->part;
	if (IsNumber(c, cs, &ch))
	{
		if (ch.trees && ch.bins == 0)
			ch.bins = opt->max_bins;
		return ch.bins > 0 ?
			FitBins(s->frame, c, cs, &ch, penalised, f, next, report) :
			FitNumber(s, c, cs, &ch, f, next, report);
	}
	if (c->store != STORE_DICTIONARY)
		BadColumnOption(c, "as", psprintf("It has more than %d different numbers; use \"bins\".",
										  FRAME_MAX_NUMBERS));
	if (!FitLevels(c, cs, &ch, penalised, f, next, report))
		return false;
	if (c->part == TRANSFORM_MONTH || c->part == TRANSFORM_QUARTER)
	{
		const FrameColumn *time = FrameFindColumn(s->frame, c->source);

		if (time != NULL && time->high - time->low < TWO_YEARS)
			report->notes = lappend(report->notes,
									psprintf("\"%s\" comes from less than two years of data: season and trend cannot be told apart, and on new leads it may mislead",
											 c->name));
	}
	return true;
}

/* The index of the source in the encoder, added when it is new. */
static int
SourceIndex(Encoder *enc, const FrameColumn *c)
{
	for (int i = 0; i < enc->nsources; i++)
		if (strcmp(enc->sources[i].name, c->source) == 0)
			return i;
	enc->sources[enc->nsources].name = c->source;
	enc->sources[enc->nsources].type = c->type;
	return enc->nsources++;
}

/* Do parts of this time column stand in the frame? */
bool
FrameHasParts(const Frame *frame, const FrameColumn *time)
{
	for (int i = 0; i < frame->ncolumns; i++)
		if (frame->columns[i].part != TRANSFORM_NONE &&
			strcmp(frame->columns[i].source, time->source) == 0)
			return true;
	return false;
}

/* Names in an option that are no column of the frame: a typing error. */
static void
CheckNamesExist(const Frame *frame, const List *names, const char *option)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		const char *name = lfirst(lc);
		bool		found = false;

		for (int i = 0; i < frame->ncolumns && !found; i++)
			found = strcmp(frame->columns[i].name, name) == 0;
		if (!found)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("there is no column \"%s\", which option \"%s\" names",
							TextFromUtf8(name, strlen(name)), option)));
	}
}

void
CheckColumnsExist(const Frame *frame, const Options *opt)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, opt->columns)
		names = lappend(names, ((ColumnOptions *) lfirst(lc))->name);
	CheckNamesExist(frame, opt->exclude, "exclude");
	CheckNamesExist(frame, opt->allow, "allow");
	CheckNamesExist(frame, names, "columns");
}

FittedEncoder *
EncoderFit(const FrameStats *s, const Options *opt, bool penalised)
{
	const Frame *frame = s->frame;
	FittedEncoder *fe = palloc0(sizeof(FittedEncoder));
	Encoder    *enc = palloc0(sizeof(Encoder));
	int			next = 1;		/* 0 is the intercept */

	fe->encoder = enc;
	enc->sources = palloc0(sizeof(ModelSource) * Max(frame->ncolumns, 1));
	enc->features = palloc0(sizeof(Feature) * Max(frame->ncolumns, 1));
	fe->frame_column = palloc(sizeof(int) * Max(frame->ncolumns, 1));
	for (int i = 0; i < frame->ncolumns; i++)
	{
		const FrameColumn *c = &frame->columns[i];
		Feature    *f = &enc->features[enc->nfeatures];
		const LeftOut *out;

		CHECK_FOR_INTERRUPTS();
		if ((c->role != ROLE_FEATURE && c->role != ROLE_OFFSET) ||
			(c->store == STORE_COUNTED && FrameHasParts(frame, c)))
			continue;
		memset(f, 0, sizeof(*f));
		if (c->role == ROLE_OFFSET)
		{
			f->name = c->name;
			f->kind = FEATURE_OFFSET;
			f->null_column = DESIGN_ERROR;
		}
		else if (NameInList(opt->exclude, c->name) || NameInList(opt->exclude, c->source))
		{
			Leave(&fe->report, c, "excluded", "by the options");
			continue;
		}
		else if ((out = ScreenColumn(s, i, opt)) != NULL)
		{
			if (strcmp(out->reason, LEFT_OUT_DETERMINES) == 0)
			{
				ReportDetermines(out, opt);
				return NULL;
			}
			fe->report.left_out = lappend(fe->report.left_out, unconstify(LeftOut *, out));
			continue;
		}
		else if (!FitColumn(s, i, opt, penalised, f, &next, &fe->report))
			continue;
		f->source = SourceIndex(enc, c);
		if (f->transform >= TRANSFORM_HOUR && c->type == CELL_TIMESTAMPTZ)
			enc->timezone = frame->timezone;
		fe->frame_column[enc->nfeatures++] = i;
	}
	EncoderNumber(enc);
	return fe;
}
