/*-------------------------------------------------------------------------
 *
 * grid.c
 *	  Counting numbers on a grid of their leading bits.
 *
 * The leading bits of a number are the place of its counter, so that counting
 * needs no search.  Once more than GRID_CELLS cells have rows, the last bit is
 * dropped: more rows would not bring it back.  That keeps a grid in the cache.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "frame.h"
#include "grid.h"

#define SIGN_EXPONENTS	(1 << (64 - MANTISSA_BITS))
#define SMALL_GRID		4096	/* counters: not worth a look */

double
GridRound(double x, int bits)
{
	return BitsDouble(DoubleBits(x) & (~UINT64CONST(0) << (MANTISSA_BITS - bits)));
}

NumberGrid *
GridCreate(void)
{
	NumberGrid *g = palloc0(sizeof(NumberGrid));

	g->bits = GRID_BITS;
	g->capacity = 8;
	g->look = SMALL_GRID >> GRID_BITS;
	g->rows = palloc0(sizeof(int64) * g->capacity << g->bits);
	for (int e = 0; e < SIGN_EXPONENTS; e++)
		g->place[e] = GRID_NO_PLACE;
	return g;
}

void
GridAddPage(NumberGrid *g, uint64 number)
{
	int			exponent = number >> MANTISSA_BITS;

	if (g->npages == g->capacity)
	{
		Size		used = sizeof(int64) * g->capacity << g->bits;

		g->rows = repalloc(g->rows, 2 * used);
		memset((char *) g->rows + used, 0, used);
		g->capacity *= 2;
	}
	g->place[exponent] = (g->npages++ - exponent) * (1 << g->bits);
}

static int
CellsWithRows(const NumberGrid *g)
{
	int			n = 0;

	for (int i = 0; i < g->npages << g->bits; i++)
		n += (g->rows[i] != 0);
	return n;
}

void
GridTrim(NumberGrid *g)
{
	if (g->npages < g->look)
		return;
	while (g->bits > 0 && CellsWithRows(g) > GRID_CELLS)
	{
		g->bits--;
		for (int i = 0; i < g->npages << g->bits; i++)
			g->rows[i] = g->rows[2 * i] + g->rows[2 * i + 1];
		for (int e = 0; e < SIGN_EXPONENTS; e++)
			if (g->place[e] != GRID_NO_PLACE)
				g->place[e] /= 2;
		/* pages that are added start from nothing */
		memset(g->rows + (g->npages << g->bits), 0,
			   sizeof(int64) * g->npages << g->bits);
		g->capacity *= 2;
	}
	g->look = Max(2 * g->npages, SMALL_GRID >> g->bits);
}

static void
AddPageCounts(const NumberGrid *g, uint64 exponent, NumberCount *counts, int *n)
{
	int			cells = 1 << g->bits;
	bool		negative = exponent >= SIGN_EXPONENTS / 2;

	if (g->place[exponent] == GRID_NO_PLACE)
		return;
	for (int i = 0; i < cells; i++)
	{
		uint64		mantissa = negative ? cells - 1 - i : i;
		uint64		number = exponent << MANTISSA_BITS | mantissa << (MANTISSA_BITS - g->bits);
		int64		rows = g->rows[GridCell(g, g->bits, number)];

		if (rows == 0)
			continue;
		counts[*n].x = BitsDouble(number);
		counts[(*n)++].rows = rows;
	}
}

NumberCount *
GridCounts(const NumberGrid *g, int *n)
{
	NumberCount *counts = palloc(sizeof(NumberCount) * Max(CellsWithRows(g), 1));

	*n = 0;
	for (int e = SIGN_EXPONENTS - 1; e >= SIGN_EXPONENTS / 2; e--)
		AddPageCounts(g, e, counts, n);
	for (int e = 0; e < SIGN_EXPONENTS / 2; e++)
		AddPageCounts(g, e, counts, n);
	return counts;
}

int
CoarserCounts(NumberCount *counts, int n, int bits)
{
	int			left = 0;

	for (int i = 0; i < n; i++)
	{
		double		x = GridRound(counts[i].x, bits);
		int64		rows = counts[i].rows;

		if (left > 0 && DoubleBits(counts[left - 1].x) == DoubleBits(x))
			counts[left - 1].rows += rows;
		else
		{
			counts[left].x = x;
			counts[left++].rows = rows;
		}
	}
	return left;
}
