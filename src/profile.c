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

#define PROFILE_VALUES		1000
#define PROFILE_BITS		8
#define MANTISSA_BITS		52
#define ROWS_PER_BLOCK		512

typedef struct GridEntry
{
	uint64		bits;
	int64		rows;
	char		status;
} GridEntry;

/* Rounded numbers differ in their leading bits only, so mix these down first. */
static inline uint32
HashBits(uint64 b)
{
	b ^= b >> 32;
	b *= UINT64CONST(0x9e3779b97f4a7c15);
	return (uint32) (b >> 32);
}

#define SH_PREFIX grid
#define SH_ELEMENT_TYPE GridEntry
#define SH_KEY_TYPE uint64
#define SH_KEY bits
#define SH_HASH_KEY(tb, key) HashBits(key)
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

typedef struct NumberCount
{
	double		x;
	int64		rows;
} NumberCount;

static int
CompareNumberCounts(const void *a, const void *b)
{
	double		x = ((const NumberCount *) a)->x,
				y = ((const NumberCount *) b)->x;

	return x < y ? -1 : x > y;
}

/* The number with only so many leading bits of its mantissa, towards zero. */
static double
ToGrid(double x, int bits)
{
	return BitsDouble(DoubleBits(x) & (~UINT64CONST(0) << (MANTISSA_BITS - bits)));
}

static void
AddToGrid(grid_hash *grid, double x, int64 rows)
{
	bool		found;
	GridEntry  *e = grid_insert(grid, DoubleBits(x), &found);

	e->rows = found ? e->rows + rows : rows;
}

static grid_hash *
CoarserGrid(grid_hash *grid, int bits)
{
	grid_hash  *coarse = grid_create(CurrentMemoryContext, PROFILE_VALUES, NULL);
	grid_iterator it;
	GridEntry  *e;

	grid_start_iterate(grid, &it);
	while ((e = grid_iterate(grid, &it)) != NULL)
		AddToGrid(coarse, ToGrid(BitsDouble(e->bits), bits), e->rows);
	grid_destroy(grid);
	return coarse;
}

/*
 * The grids of all columns of plain numbers, in one scan: patterns are taken in
 * blocks that stay in the cache while column after column is counted.
 */
static grid_hash **
PlainGrids(const Frame *f)
{
	grid_hash **grids = palloc0(sizeof(grid_hash *) * Max(f->ncolumns, 1));

	for (int i = 0; i < f->ncolumns; i++)
		if (f->columns[i].store == STORE_NUMBERS && f->columns[i].role == ROLE_FEATURE)
			grids[i] = grid_create(CurrentMemoryContext, PROFILE_VALUES, NULL);
	for (int64 first = 0; first < f->npatterns; first += ROWS_PER_BLOCK)
	{
		int64		end = Min(first + ROWS_PER_BLOCK, f->npatterns);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < f->ncolumns; i++)
		{
			const uint8 *pattern = f->cells + first * f->stride;
			double		x;

			if (grids[i] == NULL)
				continue;
			for (int64 r = first; r < end; r++, pattern += f->stride)
				if (FrameNumber(&f->columns[i], pattern, &x))
					AddToGrid(grids[i], ToGrid(x, PROFILE_BITS),
							  (int64) f->pos[r] + f->neg[r]);
		}
	}
	return grids;
}

/* The grid of a dictionary; *bits gets its precision, 52 if exact. */
static grid_hash *
DictionaryGrid(const FrameColumn *c, const ColumnStats *cs, int *bits)
{
	grid_hash  *grid = grid_create(CurrentMemoryContext, PROFILE_VALUES, NULL);

	*bits = c->nvalues > PROFILE_VALUES ? PROFILE_BITS : MANTISSA_BITS;
	for (int k = 0; k < c->nvalues; k++)
		AddToGrid(grid, ToGrid(c->numbers[k], *bits),
				  cs->values[k + 1].pos + cs->values[k + 1].neg);
	return grid;
}

/* Numbers and their rows, sorted, at most PROFILE_VALUES; frees the grid. */
static NumberCount *
GridCounts(grid_hash *grid, int *n, int *bits)
{
	grid_iterator it;
	GridEntry  *e;
	NumberCount *counts;

	while (grid->members > PROFILE_VALUES && *bits > 0)
		grid = CoarserGrid(grid, --*bits);

	counts = palloc(sizeof(NumberCount) * Max(grid->members, 1));
	*n = 0;
	grid_start_iterate(grid, &it);
	while ((e = grid_iterate(grid, &it)) != NULL)
	{
		counts[*n].x = BitsDouble(e->bits);
		counts[(*n)++].rows = e->rows;
	}
	qsort(counts, *n, sizeof(NumberCount), CompareNumberCounts);
	grid_destroy(grid);
	return counts;
}

typedef struct LevelCount
{
	int			value;
	int64		rows;
} LevelCount;

static int
CompareLevelCounts(const void *a, const void *b)
{
	const LevelCount *x = a,
			   *y = b;

	if (x->rows != y->rows)
		return x->rows > y->rows ? -1 : 1;
	return x->value - y->value;
}

static void
ProfileLevels(StringInfo buf, const FrameColumn *c, const ColumnStats *cs)
{
	LevelCount *l = palloc(sizeof(LevelCount) * Max(c->nvalues, 1));
	int64		rest = 0;

	for (int k = 0; k < c->nvalues; k++)
	{
		l[k].value = k;
		l[k].rows = cs->values[k + 1].pos + cs->values[k + 1].neg;
	}
	qsort(l, c->nvalues, sizeof(LevelCount), CompareLevelCounts);
	appendStringInfoString(buf, ", \"values\": [");
	for (int k = 0; k < c->nvalues; k++)
	{
		if (k >= PROFILE_VALUES)
		{
			rest += l[k].rows;
			continue;
		}
		appendStringInfoString(buf, k == 0 ? "[" : ", [");
		escape_json(buf, pnstrdup(c->texts[l[k].value], c->lengths[l[k].value]));
		appendStringInfo(buf, ", %lld]", (long long) l[k].rows);
	}
	appendStringInfo(buf, "], \"rest\": %lld", (long long) rest);
	pfree(l);
}

static void
ProfileNumbers(StringInfo buf, const FrameColumn *c, const ColumnStats *cs,
			   grid_hash *plain)
{
	int			n,
				bits = PROFILE_BITS;
	grid_hash  *grid = plain != NULL ? plain : DictionaryGrid(c, cs, &bits);
	NumberCount *counts = GridCounts(grid, &n, &bits);

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
	grid_hash **grids = PlainGrids(f);
	bool		first = true;

	appendStringInfoChar(buf, '[');
	for (int i = 0; i < f->ncolumns; i++)
	{
		const FrameColumn *c = &f->columns[i];
		const ColumnStats *cs = &s->columns[i];

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
			ProfileNumbers(buf, c, cs, grids[i]);
		appendStringInfoChar(buf, '}');
	}
	appendStringInfoChar(buf, ']');
}
