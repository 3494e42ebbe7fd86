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
	int			npages;			/* page 0 is none */
	int			capacity;
	int			look;			/* pages at which a coarser grid may do */
	int64	   *rows;			/* page p begins at p << bits */
	uint16		page[1 << (64 - MANTISSA_BITS)];
} NumberGrid;

extern NumberGrid *GridCreate(void);
/* a page for sign and exponent; moves the rows */
extern int	GridAddPage(NumberGrid *grid, int exponent);
/* drop bits that are lost already, if the grid has grown; moves the rows */
extern void GridTrim(NumberGrid *grid);

/* The number with only so many leading bits of its mantissa. */
extern double GridRound(double x, int bits);
/* cells that have rows, by number */
extern NumberCount *GridCounts(const NumberGrid *grid, int *n);
/* sorted counts on a coarser grid, in place; returns how many are left */
extern int	CoarserCounts(NumberCount *counts, int n, int bits);

#endif							/* LEADSCORE_GRID_H */
