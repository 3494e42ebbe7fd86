/*-------------------------------------------------------------------------
 *
 * grid.h
 *	  Counting numbers on a grid of their leading bits.
 *
 * A number is rounded towards zero to some leading bits of its mantissa, which
 * keeps its sign and magnitude.  Grids with fewer bits contain those with more.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_GRID_H
#define LEADSCORE_GRID_H

#include "postgres.h"

#define MANTISSA_BITS	52
#define GRID_BITS		8		/* to begin with */
#define GRID_CELLS		1000	/* cells with rows, while there are bits to drop */

/* A number, rounded or not, and the rows that have it. */
typedef struct NumberCount
{
	double		x;
	int64		rows;
} NumberCount;

/*
 * Rows by sign and exponent (a page) and the leading bits of the mantissa (the
 * cell in it).  Pages exist where there are numbers.
 */
typedef struct NumberGrid
{
	int			bits;
	int			npages;
	int			capacity;		/* pages */
	int			look;			/* pages at which a coarser grid may do */
	int64	   *rows;			/* bits of a number + place: index of its cell */
	int32		place[1 << (64 - MANTISSA_BITS)];
} NumberGrid;

#define GRID_NO_PLACE	PG_INT32_MIN	/* no page; such an index is negative */

static inline int32
GridCell(const NumberGrid *grid, int bits, uint64 number)
{
	return grid->place[number >> MANTISSA_BITS] + (int32) (number >> (MANTISSA_BITS - bits));
}

extern NumberGrid *GridCreate(void);
/* make a page for such numbers; moves the rows */
extern void GridAddPage(NumberGrid *grid, uint64 number);
/* drop bits that are lost already, if the grid has grown; moves the rows */
extern void GridTrim(NumberGrid *grid);

/* The number with only so many leading bits of its mantissa. */
extern double GridRound(double x, int bits);
/* cells that have rows, by number */
extern NumberCount *GridCounts(const NumberGrid *grid, int *n);
/* sorted counts on a coarser grid, in place; returns how many are left */
extern int	CoarserCounts(NumberCount *counts, int n, int bits);

#endif							/* LEADSCORE_GRID_H */
