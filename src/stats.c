/*-------------------------------------------------------------------------
 *
 * stats.c
 *	  What the patterns of a frame say about each column, in one scan each.
 *
 * Counts are of rows; means and standard deviations are weighted where the
 * frame has a weight, so that a row of weight 2 is worth two rows.  Sums run
 * over the dictionary where there is one, in its order, else over the patterns
 * in theirs: both are canonical.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"

#include "fit.h"

#define ROWS_PER_BLOCK		512
#define ROWS_PER_INTERRUPT	16384

static void
AddRows(ValueCount *v, uint32 pos, uint32 neg, double weight)
{
	v->pos += pos;
	v->neg += neg;
	v->weight += weight * ((double) pos + neg);
}

/* Extremes of a value that some rows have. */
static inline void
Extend(ColumnStats *cs, double x, int64 pos, int64 neg)
{
	cs->min = Min(cs->min, x);
	cs->max = Max(cs->max, x);
	if (neg > 0)
	{
		cs->min_of[0] = Min(cs->min_of[0], x);
		cs->max_of[0] = Max(cs->max_of[0], x);
	}
	if (pos > 0)
	{
		cs->min_of[1] = Min(cs->min_of[1], x);
		cs->max_of[1] = Max(cs->max_of[1], x);
	}
}

/* One column over a block of patterns. */
static void
CountBlock(const FrameStats *s, const FrameColumn *c, ValueCount *values,
		   int64 first, int64 end)
{
	const Frame *f = s->frame;
	const uint8 *pattern = f->cells + first * f->stride;

	if (s->weight != NULL)
	{
		for (int64 r = first; r < end; r++, pattern += f->stride)
			AddRows(&values[FrameCode(c, pattern)], f->pos[r], f->neg[r],
					PatternWeight(s, pattern));
		return;
	}
	for (int64 r = first; r < end; r++, pattern += f->stride)
	{
		ValueCount *v = &values[FrameCode(c, pattern)];

		v->pos += f->pos[r];
		v->neg += f->neg[r];
	}
}

/*
 * Rows of every value of every dictionary.  Patterns are taken in blocks that
 * stay in the cache while column after column is counted.
 */
static void
CountValues(const FrameStats *s)
{
	const Frame *f = s->frame;

	for (int64 first = 0; first < f->npatterns; first += ROWS_PER_BLOCK)
	{
		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < f->ncolumns; i++)
			if (f->columns[i].store == STORE_DICTIONARY)
				CountBlock(s, &f->columns[i], s->columns[i].values, first,
						   Min(first + ROWS_PER_BLOCK, f->npatterns));
	}
	if (s->weight != NULL)
		return;
	for (int i = 0; i < f->ncolumns; i++)
		for (int k = 0; s->columns[i].values != NULL && k <= f->columns[i].nvalues; k++)
		{
			ValueCount *v = &s->columns[i].values[k];

			v->weight = (double) (v->pos + v->neg);
		}
}

static void
DictionaryStats(const FrameColumn *c, ColumnStats *cs)
{
	double		w = 0,
				sum = 0;

	cs->null = cs->values[0];
	cs->distinct = 0;
	for (int k = 1; k <= c->nvalues; k++)
	{
		const ValueCount *v = &cs->values[k];

		if (v->pos + v->neg == 0)
			continue;
		cs->distinct++;
		cs->nonnull += v->pos + v->neg;
		if (c->numbers == NULL)
			continue;
		Extend(cs, c->numbers[k - 1], v->pos, v->neg);
		w += v->weight;
		sum += v->weight * c->numbers[k - 1];
	}
	if (c->numbers == NULL || w == 0)
		return;
	cs->mean = sum / w;
	sum = 0;
	for (int k = 1; k <= c->nvalues; k++)
	{
		double		d = c->numbers[k - 1] - cs->mean;

		sum += cs->values[k].weight * d * d;
	}
	cs->sd = sqrt(sum / w);
}

/* What is summed up over the rows for a column of plain numbers. */
typedef struct NumberSums
{
	const FrameColumn *c;
	ColumnStats *cs;
	double		weight;
	double		sum;
} NumberSums;

/* Sums and extremes of a block's numbers: in registers, then to the column. */
static void
SumBlock(const FrameStats *s, NumberSums *n, int64 first, int64 end)
{
	const Frame *f = s->frame;
	const uint8 *pattern = f->cells + first * f->stride;
	ColumnStats *cs = n->cs;
	ColumnStats local = *cs;
	double		weight_sum = n->weight,
				sum = n->sum;

	for (int64 r = first; r < end; r++, pattern += f->stride)
	{
		double		x,
					weight = PatternWeight(s, pattern),
					both = weight * ((double) f->pos[r] + f->neg[r]);

		if (!FrameNumber(n->c, pattern, &x))
		{
			AddRows(&local.null, f->pos[r], f->neg[r], weight);
			continue;
		}
		Extend(&local, x, f->pos[r], f->neg[r]);
		local.nonnull += (int64) f->pos[r] + f->neg[r];
		weight_sum += both;
		sum += both * x;
	}
	*cs = local;
	n->weight = weight_sum;
	n->sum = sum;
}

/* The same for the squares of the distances from the mean. */
static void
SquareBlock(const FrameStats *s, NumberSums *n, int64 first, int64 end)
{
	const Frame *f = s->frame;
	const uint8 *pattern = f->cells + first * f->stride;
	double		mean = n->cs->mean,
				sum = n->sum;

	for (int64 r = first; r < end; r++, pattern += f->stride)
	{
		double		x,
					both = PatternWeight(s, pattern) * ((double) f->pos[r] + f->neg[r]);

		if (FrameNumber(n->c, pattern, &x))
			sum += both * (x - mean) * (x - mean);
	}
	n->sum = sum;
}

/* The columns of plain numbers, all in the same two scans. */
static void
NumberStats(const FrameStats *s)
{
	const Frame *f = s->frame;
	NumberSums *sums = palloc0(sizeof(NumberSums) * Max(f->ncolumns, 1));
	int			n = 0;

	for (int i = 0; i < f->ncolumns; i++)
	{
		if (f->columns[i].store != STORE_NUMBERS)
			continue;
		sums[n].c = &f->columns[i];
		sums[n].cs = &s->columns[i];
		sums[n++].cs->distinct = -1;
	}
	for (int pass = 0; pass < 2 && n > 0; pass++)
	{
		for (int64 first = 0; first < f->npatterns; first += ROWS_PER_BLOCK)
		{
			CHECK_FOR_INTERRUPTS();
			for (int i = 0; i < n; i++)
				(pass == 0 ? SumBlock : SquareBlock) (s, &sums[i], first,
													  Min(first + ROWS_PER_BLOCK, f->npatterns));
		}
		for (int i = 0; i < n; i++)
		{
			if (sums[i].weight == 0)
				continue;
			if (pass == 0)
				sums[i].cs->mean = sums[i].sum / sums[i].weight;
			else
				sums[i].cs->sd = sqrt(sums[i].sum / sums[i].weight);
			sums[i].sum = 0;
		}
	}
	pfree(sums);
}

static void
CheckRole(const FrameColumn *c, const ColumnStats *cs, const char *role)
{
	const char *what = NULL;

	if (cs->null.pos + cs->null.neg > 0)
		what = "NULL";
	else if (c->role == ROLE_WEIGHT && cs->nonnull > 0 && cs->min < 0)
		what = "a negative number";
	if (what != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the %s column \"%s\" contains %s", role,
						TextFromUtf8(c->name, strlen(c->name)), what),
				 errhint("Leave such rows out with WHERE or FILTER.")));
}

static void
RoleTooLarge(const FrameColumn *c, const char *role)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("the numbers of the %s column \"%s\" are too large", role,
					TextFromUtf8(c->name, strlen(c->name))),
			 errdetail("Their sum is beyond the range of double precision.")));
}

FrameStats *
FrameStatsCompute(const Frame *frame)
{
	FrameStats *s = palloc0(sizeof(FrameStats));

	s->frame = frame;
	s->weight = FrameFindRole(frame, ROLE_WEIGHT);
	s->offset = FrameFindRole(frame, ROLE_OFFSET);
	s->columns = palloc0(sizeof(ColumnStats) * Max(frame->ncolumns, 1));
	for (int i = 0; i < frame->ncolumns; i++)
		if (frame->columns[i].store == STORE_DICTIONARY)
			s->columns[i].values = palloc0(sizeof(ValueCount) *
										   (frame->columns[i].nvalues + 1));
	CountValues(s);
	for (int i = 0; i < frame->ncolumns; i++)
	{
		const FrameColumn *c = &frame->columns[i];
		ColumnStats *cs = &s->columns[i];

		cs->min = cs->min_of[0] = cs->min_of[1] = DBL_MAX;
		cs->max = cs->max_of[0] = cs->max_of[1] = -DBL_MAX;
		if (c->store == STORE_DICTIONARY)
			DictionaryStats(c, cs);
		else if (c->store != STORE_NUMBERS)
		{
			cs->distinct = -1;
			cs->nonnull = frame->rows - c->nulls;
		}
	}
	NumberStats(s);
	for (int i = 0; i < frame->ncolumns; i++)
	{
		if (&frame->columns[i] == s->weight)
			CheckRole(s->weight, &s->columns[i], "weight");
		else if (&frame->columns[i] == s->offset)
			CheckRole(s->offset, &s->columns[i], "offset");
	}
	for (int64 r = 0; r < frame->npatterns; r++)
	{
		double		w = PatternWeight(s, frame->cells + r * frame->stride);

		if (r % ROWS_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();

		s->weight_sum += w * ((double) frame->pos[r] + frame->neg[r]);
		s->weight_pos += w * frame->pos[r];
	}
	if (s->weight != NULL && !isfinite(s->weight_sum))
		RoleTooLarge(s->weight, "weight");
	if (s->offset != NULL &&
		!isfinite(s->columns[s->offset - frame->columns].mean))
		RoleTooLarge(s->offset, "offset");
	return s;
}
