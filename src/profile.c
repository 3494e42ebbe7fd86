/*-------------------------------------------------------------------------
 *
 * profile.c
 *	  How the values of each column of a frame are distributed: what a model
 *	  remembers of its training data, so that drift can be measured later.
 *
 * Up to PROFILE_VALUES different values are kept exactly, each with its number
 * of rows.  Of more levels the most frequent are kept and the rest summed up;
 * more numbers are rounded to a grid of leading mantissa bits first, eight to
 * begin with, then as few as are needed.  Grids with fewer bits contain those
 * with more, so two profiles can always be brought to the same one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/json.h"

#include "account.h"
#include "grid.h"

#define PROFILE_VALUES	GRID_CELLS

/*
 * The numbers of a column and their rows, sorted, at most PROFILE_VALUES;
 * *bits gets their precision, all of a mantissa's if they are exact.
 */
static NumberCount *
NumberCounts(const FrameColumn *c, const ColumnStats *cs, int *n, int *bits)
{
	NumberCount *counts;

	if (c->store == STORE_NUMBERS)
	{
		counts = GridCounts(cs->grid, n);
		*bits = cs->grid->bits;
	}
	else
	{
		counts = palloc_extended(sizeof(NumberCount) * Max(c->nvalues, 1), MCXT_ALLOC_HUGE);
		for (int k = 0; k < c->nvalues; k++)
		{
			counts[k].x = c->numbers[k];
			counts[k].rows = cs->values[k + 1].pos + cs->values[k + 1].neg;
		}
		*n = c->nvalues;
		*bits = MANTISSA_BITS;
		if (*n > PROFILE_VALUES)
			*n = CoarserCounts(counts, *n, *bits = GRID_BITS);
	}
	while (*n > PROFILE_VALUES && *bits > 0)
		*n = CoarserCounts(counts, *n, --*bits);
	return counts;
}

static void
ProfileLevels(StringInfo buf, const FrameColumn *c, const ColumnStats *cs)
{
	ValueRows  *v = palloc(sizeof(ValueRows) * Max(c->nvalues, 1));
	int64		rest = 0;
	int			n;

	for (int k = 0; k < c->nvalues; k++)
	{
		v[k].value = k;
		v[k].rows = cs->values[k + 1].pos + cs->values[k + 1].neg;
		rest += v[k].rows;
	}
	n = KeepMostFrequent(v, c->nvalues, PROFILE_VALUES);
	appendStringInfoString(buf, ", \"values\": [");
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(buf, i == 0 ? "[" : ", [");
		escape_json(buf, pnstrdup(c->texts[v[i].value], c->lengths[v[i].value]));
		appendStringInfo(buf, ", %lld]", (long long) v[i].rows);
		rest -= v[i].rows;
	}
	appendStringInfo(buf, "], \"rest\": %lld", (long long) rest);
	pfree(v);
}

static void
ProfileNumbers(StringInfo buf, const FrameColumn *c, const ColumnStats *cs)
{
	int			n,
				bits;
	NumberCount *counts = NumberCounts(c, cs, &n, &bits);

	if (cs->nonnull > 0)
	{
		JsonNumber(buf, "min", cs->min);
		JsonNumber(buf, "max", cs->max);
		JsonNumber(buf, "mean", cs->mean);
		JsonNumber(buf, "sd", cs->sd);
	}
	appendStringInfo(buf, ", \"bits\": %d, \"values\": [", bits);
	for (int i = 0; i < n; i++)
		appendStringInfo(buf, "%s[%s, %lld]", i == 0 ? "" : ", ",
						 NumberText(counts[i].x), (long long) counts[i].rows);
	appendStringInfoChar(buf, ']');
	pfree(counts);
}

static bool
IsLeftOut(const FitReport *report, const FrameColumn *c)
{
	ListCell   *lc;

	foreach(lc, report->left_out)
		if (strcmp(((const LeftOut *) lfirst(lc))->column, c->name) == 0)
			return true;
	return false;
}

/*
 * A JSON array: an object for every column of the frame.  Of columns that were
 * left out only counts are kept: names and addresses of people must not travel
 * in a model that doesn't need them.
 */
void
ProfileJson(StringInfo buf, const FrameStats *s, const FitReport *report)
{
	const Frame *f = s->frame;
	bool		first = true;

	appendStringInfoChar(buf, '[');
	for (int i = 0; i < f->ncolumns; i++)
	{
		const FrameColumn *c = &f->columns[i];
		const ColumnStats *cs = &s->columns[i];

		CHECK_FOR_INTERRUPTS();
		if (c->role != ROLE_FEATURE)
			continue;
		JsonOpenColumn(buf, first, c->name);
		first = false;
		appendStringInfo(buf, ", \"type\": \"%s\", \"rows\": %lld, \"nulls\": %lld",
						 CellTypeName(c->type), (long long) f->rows,
						 (long long) c->nulls);
		if (c->store == STORE_DICTIONARY)
			appendStringInfo(buf, ", \"distinct\": %lld", (long long) cs->distinct);
		if (IsLeftOut(report, c))
			 /* counts only */ ;
		else if (c->store == STORE_DICTIONARY && c->texts != NULL)
			ProfileLevels(buf, c, cs);
		else if (FrameColumnHasCells(c))
			ProfileNumbers(buf, c, cs);
		appendStringInfoChar(buf, '}');
	}
	appendStringInfoChar(buf, ']');
}
