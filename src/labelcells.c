/*-------------------------------------------------------------------------
 *
 * labelcells.c
 *	  What each column of a frame says about the label by itself.
 *
 * A category has a cell per level, texts the most frequent first; a number one per
 * value while those are few, else quantile bins, which are cut as those of a
 * fit.  Rows count, weights do not.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "distance.h"
#include "labelcells.h"

/* How the cells of a column are made. */
typedef struct CellRules
{
	bool		number;
	int			bins;
	int			min_count;
	int			max_levels;
} CellRules;

static CellRules
RulesFor(const Options *opt, const FrameColumn *c)
{
	const ColumnOptions *co = OptionsForFrameColumn(opt, c);
	CellClass	class = CellTypeClass(c->type);
	bool		number = (class == CLASS_NUMBER || class == CLASS_INTERVAL) &&
		c->part == TRANSFORM_NONE;
	CellRules	r = {number, opt->bins, opt->min_count, opt->max_levels};

	if (co == NULL)
		return r;
	if (co->as == TREAT_CATEGORICAL)
		r.number = false;
	if ((co->as == TREAT_NUMBER || co->bins > 0) && !r.number)
		BadColumnOption(c, co->bins > 0 ? "bins" : "as", "Its values are levels.");
	if (!r.number && c->store == STORE_NUMBERS)
		BadColumnOption(c, "as", psprintf("It has more than %d different numbers; use \"bins\".",
										  FRAME_MAX_NUMBERS));
	r.bins = co->bins > 0 ? co->bins : r.bins;
	r.min_count = co->min_count >= 0 ? co->min_count : r.min_count;
	r.max_levels = co->max_levels >= 0 ? co->max_levels : r.max_levels;
	return r;
}

static LabelCell *
AddCell(LabelColumn *l, char *level, int64 pos, int64 neg)
{
	LabelCell  *cell = &l->cells[l->n++];

	cell->level = level;
	cell->lower = cell->upper = NAN;
	cell->pos = pos;
	cell->neg = neg;
	return cell;
}

/* ---- levels ---- */

static char *
LevelText(const FrameColumn *c, int value)
{
	if (c->texts != NULL)
		return TextFromUtf8(c->texts[value], c->lengths[value]);
	if (CellTypeClass(c->type) == CLASS_BOOL)
		return c->numbers[value] != 0 ? "true" : "false";
	return NumberText(c->numbers[value]);
}

/* By the share of positives of their cells: in-sample, so rare ones are pooled. */
static double
CellsAuc(const LabelColumn *l)
{
	ValueGroup	   *groups = palloc(sizeof(ValueGroup) * Max(l->n, 1));
	double		auc;

	for (int i = 0; i < l->n; i++)
	{
		const LabelCell *cell = &l->cells[i];

		groups[i].order = (double) cell->pos / ((double) cell->pos + cell->neg);
		groups[i].pos = cell->pos;
		groups[i].neg = cell->neg;
	}
	auc = GroupsAuc(groups, GroupsSort(groups, l->n));
	pfree(groups);
	return auc;
}

static int
CompareValue(const void *a, const void *b)
{
	return ((const ValueRows *) a)->value - ((const ValueRows *) b)->value;
}

/* Texts by their rows, the others by their value. */
static void
LevelCells(LabelColumn *l, const ColumnStats *cs, const CellRules *rules)
{
	const FrameColumn *c = l->column;
	ValueRows  *v = palloc_extended(sizeof(ValueRows) * Max(c->nvalues, 1), MCXT_ALLOC_HUGE);
	int64		pos = 0,
				neg = 0;
	int			kept;

	for (int k = 0; k < c->nvalues; k++)
	{
		v[k].value = k;
		v[k].rows = cs->values[k + 1].pos + cs->values[k + 1].neg;
		pos += cs->values[k + 1].pos;
		neg += cs->values[k + 1].neg;
	}
	kept = KeepMostFrequent(v, c->nvalues, Min(c->nvalues, rules->max_levels));
	while (kept > 0 && v[kept - 1].rows < Max(rules->min_count, 1))
		kept--;
	if (c->texts == NULL)
		qsort(v, kept, sizeof(ValueRows), CompareValue);
	l->cells = palloc(sizeof(LabelCell) * (kept + 2));
	for (int i = 0; i < kept; i++)
	{
		const ValueCount *rows = &cs->values[v[i].value + 1];

		(void) AddCell(l, LevelText(c, v[i].value), rows->pos, rows->neg);
		pos -= rows->pos;
		neg -= rows->neg;
	}
	if (pos + neg > 0)
		(void) AddCell(l, "(other)", pos, neg);
	pfree(v);
}

/* ---- numbers ---- */

/* All numbers of a column, sorted, each once. */
static ValueGroup *
NumberGroups(const FrameStats *s, int column, int64 *n)
{
	const Frame *frame = s->frame;
	const FrameColumn *c = &frame->columns[column];
	int64		most = c->store == STORE_NUMBERS ? frame->npatterns : c->nvalues;
	ValueGroup	   *groups = palloc_extended(sizeof(ValueGroup) * Max(most, 1), MCXT_ALLOC_HUGE);
	PatternBlock block = {0};

	*n = 0;
	if (c->store == STORE_DICTIONARY)
	{
		for (int k = 0; k < c->nvalues; k++)
		{
			const ValueCount *rows = &s->columns[column].values[k + 1];

			if (rows->pos + rows->neg > 0)
				groups[(*n)++] = (ValueGroup) {c->numbers[k], rows->pos, rows->neg};
		}
		return groups;
	}
	while (FrameScan(frame, &block))
		for (int i = 0; i < block.n; i++)
		{
			double		x;

			if (FrameNumber(c, block.cells + (Size) i * frame->stride, &x))
				groups[(*n)++] = (ValueGroup) {x, block.pos[i], block.neg[i]};
		}
	*n = GroupsSort(groups, *n);
	return groups;
}

/* To read: six digits, but all of a whole number. */
static char *
EdgeText(double x)
{
	return x == rint(x) ? NumberText(x) : psprintf("%.6g", x);
}

/*
 * The k-th bin begins with the number of rank k·rows/bins, counting from 0; a
 * number that fills a bin is alone in it, so that the others are not lost beside
 * the many zeros that counts have.
 */
static void
NumberCells(LabelColumn *l, const ValueGroup *groups, int64 n, const CellRules *rules)
{
	int64		rows = 0,
				below = 0;
	int			next = 1;		/* bin that has not begun */
	bool		alone = n <= rules->bins;
	LabelCell  *cell = NULL;

	for (int64 i = 0; i < n; i++)
		rows += groups[i].pos + groups[i].neg;
	l->cells = palloc(sizeof(LabelCell) * (2 * Min(n, rules->bins) + 1));
	for (int64 i = 0; i < n; i++)
	{
		const ValueGroup *g = &groups[i];
		int64		own = g->pos + g->neg;
		bool		begins = (i == 0 || alone);

		for (below += own; next < rules->bins && next * rows / rules->bins < below; next++)
			begins = true;
		alone = n <= rules->bins || own >= rows / rules->bins;
		if (begins || alone)
		{
			cell = AddCell(l, NULL, 0, 0);
			cell->lower = g->order;
		}
		cell->upper = g->order;
		cell->pos += g->pos;
		cell->neg += g->neg;
	}
	for (int i = 0; i < l->n; i++)
	{
		bool		last = (i == l->n - 1);

		cell = &l->cells[i];
		if (cell->lower == cell->upper)
		{
			cell->level = NumberText(cell->lower);
			continue;
		}
		if (!last)
			cell->upper = cell[1].lower;
		cell->level = psprintf("[%s, %s%c", EdgeText(cell->lower), EdgeText(cell->upper),
							   last ? ']' : ')');
	}
}

/* ---- columns ---- */

static void
Evidence(LabelColumn *l, int64 pos, int64 neg)
{
	ValueGroup	   *groups = palloc(sizeof(ValueGroup) * Max(l->n, 1));
	double		statistic;
	int			df;

	if (l->n == 0)
		return;
	l->information = 0;
	for (int i = 0; i < l->n; i++)
	{
		LabelCell  *cell = &l->cells[i];

		cell->woe = WeightOfEvidence(cell->pos, cell->neg, pos, neg);
		cell->information = cell->woe * ((double) cell->pos / pos - (double) cell->neg / neg);
		l->information += cell->information;
		groups[i].pos = cell->pos;
		groups[i].neg = cell->neg;
	}
	statistic = LabelChiSquare(groups, l->n, &df);
	if (df > 0)
	{
		l->p = ChiSquareTail(statistic, df);
		l->chance = ChiSquareAbove(LABEL_ALPHA, df) * (1.0 / pos + 1.0 / neg);
	}
	pfree(groups);
}

static void
LookAt(LabelColumn *l, const FrameStats *s, int column, const CellRules *rules)
{
	const Frame *frame = s->frame;
	const ColumnStats *cs = &s->columns[column];

	if (rules->number)
	{
		int64		n;
		ValueGroup	   *groups = NumberGroups(s, column, &n);

		NumberCells(l, groups, n, rules);
		l->auc = GroupsAuc(groups, n);
		pfree(groups);
	}
	else
		LevelCells(l, cs, rules);
	if (cs->null.pos + cs->null.neg > 0)
		(void) AddCell(l, "(null)", cs->null.pos, cs->null.neg);
	if (!rules->number)
		l->auc = CellsAuc(l);
	Evidence(l, frame->positives, frame->rows - frame->positives);
}

LabelColumn *
LabelColumns(const FrameStats *s, const Options *opt, int *n)
{
	const Frame *frame = s->frame;
	LabelColumn *columns = palloc0(sizeof(LabelColumn) * Max(frame->ncolumns, 1));

	*n = 0;
	for (int i = 0; i < frame->ncolumns; i++)
	{
		const FrameColumn *c = &frame->columns[i];
		LabelColumn *l = &columns[*n];
		CellRules	rules;

		CHECK_FOR_INTERRUPTS();
		if (c->role != ROLE_FEATURE || NameInList(opt->exclude, c->source) ||
			(c->store == STORE_COUNTED && FrameHasParts(frame, c)))
			continue;
		(*n)++;
		rules = RulesFor(opt, c);
		l->column = c;
		l->number = rules.number;
		l->left_out = ScreenColumn(s, i, opt);
		l->information = l->chance = l->p = l->auc = NAN;
		if (FrameColumnHasCells(c))
			LookAt(l, s, i, &rules);
	}
	return columns;
}
