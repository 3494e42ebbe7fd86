/*-------------------------------------------------------------------------
 *
 * stats.c
 *	  What the patterns of a frame say about each column, in one scan.
 *
 * Counts are of rows; means and standard deviations are weighted where the
 * frame has a weight, so that a row of weight 2 is worth two rows.  Sums run
 * over the dictionary where there is one, in its order, else over the patterns
 * in theirs: both are canonical.
 *
 * The scan goes by slices of patterns that stay in the nearest cache while all
 * columns are counted.  Columns of one byte, most of what leads have, go pattern
 * by pattern instead of one after the other: nearly all cells of a column hold
 * the same code, and a counter that is raised twice in a row waits for itself.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"

#include "fit.h"
#include "grid.h"

#define SLICE_ROWS			256
#define VALUES_PER_INTERRUPT	65536

/* Whose rows a pattern has: an index of the extremes it could move. */
typedef enum SliceLabel
{
	LABEL_FALSE,
	LABEL_TRUE,
	LABEL_BOTH
} SliceLabel;

/* Some patterns, and what all columns need to know of each. */
typedef struct Slice
{
	int			n;
	int			stride;
	const uint8 *cells;
	const uint32 *pos;
	const uint32 *neg;
	int64		rows[SLICE_ROWS];
	double		weight[SLICE_ROWS]; /* of all its rows */
	uint8		label[SLICE_ROWS];
} Slice;

/* A dictionary of one-byte codes. */
typedef struct NarrowColumn
{
	int			offset;			/* of the cell */
	ValueCount *values;
} NarrowColumn;

/*
 * A column of plain numbers.  sum and square are those of the distances from the
 * mean so far, and of their squares.  low and high: by SliceLabel, the range within which a number
 * is no extreme.
 */
typedef struct NumberScan
{
	const FrameColumn *c;
	ColumnStats *cs;
	double		weight;
	double		mean;
	double		sum;
	double		square;
	double		low[LABEL_BOTH + 1];
	double		high[LABEL_BOTH + 1];
} NumberScan;

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

static void
TakeSlice(FrameStats *s, const PatternBlock *block, int first, Slice *slice)
{
	const uint8 *pattern;

	slice->n = Min(block->n - first, SLICE_ROWS);
	slice->stride = s->frame->stride;
	slice->cells = pattern = block->cells + (int64) first * slice->stride;
	slice->pos = block->pos + first;
	slice->neg = block->neg + first;
	for (int r = 0; r < slice->n; r++, pattern += slice->stride)
	{
		uint32		pos = slice->pos[r],
					neg = slice->neg[r];
		double		w = PatternWeight(s, pattern);

		slice->rows[r] = (int64) pos + neg;
		slice->weight[r] = w * (double) slice->rows[r];
		slice->label[r] = neg == 0 ? LABEL_TRUE : pos == 0 ? LABEL_FALSE : LABEL_BOTH;
		s->weight_sum += slice->weight[r];
		s->weight_pos += w * pos;
	}
}

/* ---- dictionaries ---- */

/* All dictionaries of one-byte codes over a slice. */
static void
CountNarrow(const Slice *slice, const NarrowColumn *columns, int n, bool weighted)
{
	const uint8 *pattern = slice->cells;

	for (int r = 0; r < slice->n; r++, pattern += slice->stride)
	{
		int64		pos = slice->pos[r],
					neg = slice->neg[r];

		for (int k = 0; k < n; k++)
		{
			ValueCount *v = &columns[k].values[pattern[columns[k].offset]];

			v->pos += pos;
			v->neg += neg;
		}
		if (!weighted)
			continue;
		for (int k = 0; k < n; k++)
			columns[k].values[pattern[columns[k].offset]].weight += slice->weight[r];
	}
}

/* One dictionary of any width over a slice. */
static void
CountWide(const Slice *slice, const FrameColumn *c, ValueCount *values, bool weighted)
{
	const uint8 *pattern = slice->cells;

	for (int r = 0; r < slice->n; r++, pattern += slice->stride)
	{
		ValueCount *v = &values[FrameCode(c, pattern)];

		v->pos += slice->pos[r];
		v->neg += slice->neg[r];
		if (weighted)
			v->weight += slice->weight[r];
	}
}

static void
DictionaryStats(const FrameColumn *c, ColumnStats *cs, bool weighted)
{
	double		w = 0,
				sum = 0;

	cs->distinct = 0;
	for (int k = 0; k <= c->nvalues; k++)
	{
		ValueCount *v = &cs->values[k];

		if (k % VALUES_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		if (!weighted)
			v->weight = (double) (v->pos + v->neg);
		if (k == 0 || v->pos + v->neg == 0)
			continue;
		cs->distinct++;
		cs->nonnull += v->pos + v->neg;
		if (c->numbers == NULL)
			continue;
		Extend(cs, c->numbers[k - 1], v->pos, v->neg);
		w += v->weight;
		sum += v->weight * c->numbers[k - 1];
	}
	cs->null = cs->values[0];
	if (c->numbers == NULL || w == 0)
		return;
	cs->mean = sum / w;
	sum = 0;
	for (int k = 1; k <= c->nvalues; k++)
	{
		double		d = c->numbers[k - 1] - cs->mean;

		if (k % VALUES_PER_INTERRUPT == 0)
			CHECK_FOR_INTERRUPTS();
		sum += cs->values[k].weight * d * d;
	}
	cs->sd = sqrt(sum / w);
}

/* ---- plain numbers ---- */

/* The mean of a slice; 0 if there is none. */
static double
SliceMean(const Slice *slice, const FrameColumn *c)
{
	const uint8 *pattern = slice->cells;
	double		weight = 0,
				sum = 0,
				x;

	for (int r = 0; r < slice->n; r++, pattern += slice->stride)
	{
		if (!FrameNumber(c, pattern, &x))
			continue;
		weight += slice->weight[r];
		sum += slice->weight[r] * x;
	}
	return weight > 0 ? sum / weight : 0;
}

/* A number outside low … high: NULL (false), or an extreme. */
static bool
Unusual(const Slice *slice, int r, NumberScan *n, double x)
{
	ColumnStats *cs = n->cs;

	if (DoubleBits(x) == FRAME_NULL_BITS)
	{
		cs->null.pos += slice->pos[r];
		cs->null.neg += slice->neg[r];
		cs->null.weight += slice->weight[r];
		return false;
	}
	Extend(cs, x, slice->pos[r], slice->neg[r]);
	for (int label = LABEL_FALSE; label <= LABEL_TRUE; label++)
	{
		n->low[label] = cs->min_of[label];
		n->high[label] = cs->max_of[label];
	}
	n->low[LABEL_BOTH] = Max(cs->min_of[0], cs->min_of[1]);
	n->high[LABEL_BOTH] = Min(cs->max_of[0], cs->max_of[1]);
	return true;
}

/*
 * A column of plain numbers over a slice: extremes, moments, grid.  The moments
 * are taken from the mean so far, which then moves: Welford's method, a slice at
 * a time.  The first slice brings a mean of its own.
 */
static void
SumSlice(const Slice *slice, NumberScan *n)
{
	const uint8 *from = slice->cells + n->c->offset;
	NumberGrid *grid = n->cs->grid;
	double		mean = n->mean = n->weight > 0 ? n->mean : SliceMean(slice, n->c),
				weight = 0,
				sum = 0,
				square = 0;
	int64	   *rows = grid->rows;
	int			bits = grid->bits;

	for (int r = 0; r < slice->n; r++, from += slice->stride)
	{
		int			label = slice->label[r];
		int32		cell;
		uint64		number;
		double		x,
					w,
					d;

		memcpy(&number, from, 8);
		x = BitsDouble(number);
		/* a NULL is no number and fails this */
		if (unlikely(!(x >= n->low[label] && x <= n->high[label])) &&
			!Unusual(slice, r, n, x))
			continue;
		w = slice->weight[r];
		d = x - mean;
		weight += w;
		sum += w * d;
		square += w * d * d;

		cell = GridCell(grid, bits, number);
		if (unlikely(cell < 0))
		{
			GridAddPage(grid, number);
			rows = grid->rows;
			cell = GridCell(grid, bits, number);
		}
		rows[cell] += slice->rows[r];
	}
	GridTrim(grid);
	n->weight += weight;
	n->sum += sum;
	n->square += square;
	if (n->weight > 0)
	{
		double		step;

		n->mean += n->sum / n->weight;
		step = n->mean - mean;	/* as far as the mean can move: it is rounded */
		n->square -= step * (2 * n->sum - n->weight * step);
		n->sum -= n->weight * step;
	}
}

static void
NumberStats(const Frame *f, NumberScan *n)
{
	ColumnStats *cs = n->cs;

	cs->nonnull = f->rows - cs->null.pos - cs->null.neg;
	if (n->weight == 0)
		return;
	cs->mean = n->mean + n->sum / n->weight;
	/* what is too large for the sums may have become no number at all */
	cs->sd = isfinite(n->square) ? sqrt(Max(n->square, 0) / n->weight) : INFINITY;
}

/* ---- all columns ---- */

/* All that one scan says; the rest follows from it. */
static void
ScanPatterns(FrameStats *s)
{
	const Frame *f = s->frame;
	NarrowColumn *narrow = palloc(sizeof(NarrowColumn) * Max(f->ncolumns, 1));
	NumberScan *numbers = palloc0(sizeof(NumberScan) * Max(f->ncolumns, 1));
	int		   *wide = palloc(sizeof(int) * Max(f->ncolumns, 1));
	int			nnarrow = 0,
				nnumbers = 0,
				nwide = 0;
	PatternBlock block = {0};
	Slice		slice;

	for (int i = 0; i < f->ncolumns; i++)
	{
		const FrameColumn *c = &f->columns[i];

		if (c->store == STORE_NUMBERS)
		{
			NumberScan *n = &numbers[nnumbers++];

			n->c = c;
			n->cs = &s->columns[i];
			n->cs->distinct = -1;
			n->cs->grid = GridCreate();
			for (int label = 0; label <= LABEL_BOTH; label++)
			{
				n->low[label] = DBL_MAX;
				n->high[label] = -DBL_MAX;
			}
		}
		else if (c->store == STORE_DICTIONARY && c->width == 1)
		{
			narrow[nnarrow].offset = c->offset;
			narrow[nnarrow++].values = s->columns[i].values;
		}
		else if (c->store == STORE_DICTIONARY)
			wide[nwide++] = i;
	}
	while (FrameScan(f, &block))
	{
		ProgressReport("counting values", 0, block.first, f->npatterns);
		for (int first = 0; first < block.n; first += SLICE_ROWS)
		{
			TakeSlice(s, &block, first, &slice);
			CountNarrow(&slice, narrow, nnarrow, s->weight != NULL);
			for (int i = 0; i < nwide; i++)
				CountWide(&slice, &f->columns[wide[i]], s->columns[wide[i]].values,
						  s->weight != NULL);
			for (int i = 0; i < nnumbers; i++)
				SumSlice(&slice, &numbers[i]);
		}
	}
	for (int i = 0; i < nnumbers; i++)
		NumberStats(f, &numbers[i]);
	pfree(narrow);
	pfree(numbers);
	pfree(wide);
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
	{
		ColumnStats *cs = &s->columns[i];

		CHECK_FOR_INTERRUPTS();
		if (frame->columns[i].store == STORE_DICTIONARY)
			cs->values = palloc0(sizeof(ValueCount) * (frame->columns[i].nvalues + 1));
		cs->min = cs->min_of[0] = cs->min_of[1] = DBL_MAX;
		cs->max = cs->max_of[0] = cs->max_of[1] = -DBL_MAX;
	}
	ScanPatterns(s);
	for (int i = 0; i < frame->ncolumns; i++)
	{
		const FrameColumn *c = &frame->columns[i];
		ColumnStats *cs = &s->columns[i];

		if (c->store == STORE_DICTIONARY)
			DictionaryStats(c, cs, s->weight != NULL);
		else if (c->store != STORE_NUMBERS)
		{
			cs->distinct = -1;
			cs->nonnull = frame->rows - c->nulls;
		}
		if (c == s->weight)
			CheckRole(c, cs, "weight");
		else if (c == s->offset)
			CheckRole(c, cs, "offset");
	}
	if (s->weight != NULL && !isfinite(s->weight_sum))
		RoleTooLarge(s->weight, "weight");
	if (s->offset != NULL &&
		!isfinite(s->columns[s->offset - frame->columns].mean))
		RoleTooLarge(s->offset, "offset");
	return s;
}

/* ---- the most frequent values ---- */

static inline int
CompareValueRows(const ValueRows *a, const ValueRows *b)
{
	if (a->rows != b->rows)
		return a->rows > b->rows ? -1 : 1;
	return a->value - b->value;
}

#define ST_SORT SortValueRows
#define ST_ELEMENT_TYPE ValueRows
#define ST_COMPARE(a, b) CompareValueRows(a, b)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DECLARE
#define ST_DEFINE
#include "lib/sort_template.h"

int
KeepMostFrequent(ValueRows *v, int n, int most)
{
	int			kept = 0;
	int64		more_than = -1;	/* rows, to be among them at all */

	for (int i = 0; i < n; i++)
	{
		if (v[i].rows <= more_than)
			continue;
		if (kept == 2 * most)
		{
			SortValueRows(v, kept);
			kept = most;
			more_than = v[most - 1].rows;
		}
		v[kept++] = v[i];
	}
	SortValueRows(v, kept);
	return Min(kept, most);
}
