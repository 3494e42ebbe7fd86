/*-------------------------------------------------------------------------
 *
 * driftcells.c
 *	  The values of a column on both sides, as cells of rows.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "drift.h"

#define MOST_BINS		100

void
CellsAllocate(Cells *c, int most, bool numbers)
{
	c->x = numbers ? palloc(sizeof(double) * Max(most, 1)) : NULL;
	c->a = palloc0(sizeof(int64) * Max(most, 1));
	c->b = palloc0(sizeof(int64) * Max(most, 1));
}

static void
NumberCells(Cells *c, const ProfileColumn *a, const ProfileColumn *b)
{
	int			bits = Min(a->bits, b->bits);
	ProfileColumn sides[2] = {*a, *b};
	int			at[2] = {0, 0};

	for (int s = 0; s < 2; s++)
	{
		NumberCount *copy = palloc(sizeof(NumberCount) * Max(sides[s].n, 1));

		if (sides[s].n > 0)
			memcpy(copy, sides[s].numbers, sizeof(NumberCount) * sides[s].n);
		sides[s].numbers = copy;
		if (bits < sides[s].bits)
			sides[s].n = ProfileCoarsen(copy, sides[s].n, bits);
	}
	CellsAllocate(c, sides[0].n + sides[1].n, true);
	while (at[0] < sides[0].n || at[1] < sides[1].n)
	{
		double		x = at[0] < sides[0].n ? sides[0].numbers[at[0]].x : INFINITY;

		if (at[1] < sides[1].n)
			x = Min(x, sides[1].numbers[at[1]].x);
		c->x[c->n] = x;
		for (int s = 0; s < 2; s++)
			if (at[s] < sides[s].n && sides[s].numbers[at[s]].x == x)
				(s == 0 ? c->a : c->b)[c->n] = sides[s].numbers[at[s]++].rows;
		c->n++;
	}
}

static int
CompareLevels(const LevelCount *a, const LevelCount *b)
{
	int			cmp = memcmp(a->text, b->text, Min(a->len, b->len));

	return cmp != 0 ? cmp : a->len - b->len;
}

/*
 * A cell per level; where a side has rows whose level is not listed, the levels
 * that it does not list are one cell together with them.
 */
static void
LevelCells(Cells *c, const ProfileColumn *a, const ProfileColumn *b)
{
	int			i = 0,
				j = 0;
	int64		rest_a = a->rest,
				rest_b = b->rest;

	CellsAllocate(c, a->n + b->n + 1, false);
	while (i < a->n || j < b->n)
	{
		int			cmp = j == b->n ? -1 : i == a->n ? 1 :
			CompareLevels(&a->levels[i], &b->levels[j]);
		int64		rows_a = cmp <= 0 ? a->levels[i++].rows : 0,
					rows_b = cmp >= 0 ? b->levels[j++].rows : 0;

		if ((rows_a == 0 && a->rest > 0) || (rows_b == 0 && b->rest > 0))
		{
			rest_a += rows_a;
			rest_b += rows_b;
			continue;
		}
		c->a[c->n] = rows_a;
		c->b[c->n++] = rows_b;
	}
	c->approximate = a->rest > 0 || b->rest > 0;
	if (rest_a + rest_b > 0)
	{
		c->a[c->n] = rest_a;
		c->b[c->n++] = rest_b;
	}
}

/* false if the levels cannot be compared */
static bool
HashedCells(Cells *c, ProfileColumn a, ProfileColumn b)
{
	if (a.rest > 0 || b.rest > 0)
		return false;
	ProfileHashLevels(&a);
	ProfileHashLevels(&b);
	CellsAllocate(c, PROFILE_HASH_CELLS, false);
	c->approximate = true;
	for (int i = 0; i < PROFILE_HASH_CELLS; i++)
		if (a.hashed[i] > 0 || b.hashed[i] > 0)
		{
			c->a[c->n] = a.hashed[i];
			c->b[c->n++] = b.hashed[i];
		}
	return true;
}

bool
CellsMake(Cells *c, const ProfileColumn *a, const ProfileColumn *b)
{
	memset(c, 0, sizeof(*c));
	if (a->store == PROFILE_COUNTED || b->store == PROFILE_COUNTED)
		return false;
	if (a->store == PROFILE_NUMBERS)
		NumberCells(c, a, b);
	else if (a->store == PROFILE_LEVELS && b->store == PROFILE_LEVELS)
		LevelCells(c, a, b);
	else if (!HashedCells(c, *a, *b))
		return false;
	for (int i = 0; i < c->n; i++)
	{
		c->rows_a += c->a[i];
		c->rows_b += c->b[i];
	}
	return c->rows_a > 0 && c->rows_b > 0;
}

/*
 * Equal-width bins over both sides, as many as Sturges' rule wants (and NumPy's
 * division makes of it), the last closed on the right.  Numbers whose distance
 * would overflow are taken by a quarter; there are at least two different ones.
 */
Cells
CellsBinned(const Cells *c)
{
	Cells		out = *c;
	double		scale = Max(fabs(c->x[0]), fabs(c->x[c->n - 1])) > DBL_MAX / 4 ? 0.25 : 1,
				low = c->x[0] * scale,
				high = c->x[c->n - 1] * scale,
				width = high - low,
				sturges = log2((double) c->rows_a + c->rows_b) + 1,
				wanted = ceil(width / (width / sturges));
	int			bins = (int) (wanted <= MOST_BINS ? wanted : ceil(sturges));
	double		edges[MOST_BINS + 1];

	CellsAllocate(&out, bins, false);
	out.n = bins;
	for (int k = 0; k < bins; k++)
		edges[k] = low + k * (width / bins);
	edges[bins] = high;
	for (int i = 0; i < c->n; i++)
	{
		double		x = c->x[i] * scale;
		int			k = Min((int) ((x - low) / width * bins), bins - 1);

		while (k > 0 && x < edges[k])
			k--;
		while (k < bins - 1 && x >= edges[k + 1])
			k++;
		out.a[k] += c->a[i];
		out.b[k] += c->b[i];
	}
	return out;
}
