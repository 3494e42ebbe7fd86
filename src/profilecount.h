/*-------------------------------------------------------------------------
 *
 * profilecount.h
 *	  A column of a profile while rows are counted.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_PROFILECOUNT_H
#define LEADSCORE_PROFILECOUNT_H

#include "leadprofile.h"
#include "textkey.h"

#define SMALL_NUMBERS	256		/* whole numbers from 0 that may be counted by place */

typedef struct LevelSlot
{
	TextKey		key;
	int64		rows;			/* 0: free */
} LevelSlot;

/*
 * Values lie in a table of `capacity` slots, a power of 2; beyond the limit
 * numbers go to a grid, texts to hashed cells.  Once a column of whole numbers
 * has had some small ones, those are counted by their place and lie nowhere
 * else, unless they were in the grid before.
 */
typedef struct Counter
{
	/* what every row needs, together */
	int64	   *small;			/* rows by number, or NULL */
	uint64		nsmall;			/* numbers that have a place: SMALL_NUMBERS, or 0 */
	double		last;			/* number that came last, not rounded, and its slot */
	NumberCount *last_slot;
	int			asked;			/* small numbers that came before there were places */
	bool		summed;			/* beyond the limit, exact sums are kept */

	MemoryContext cxt;
	ProfileColumn column;		/* all but the values */
	int			capacity;
	int			n;				/* slots in use */
	NumberCount *numbers;
	LevelSlot  *levels;
	int64		level_bytes;
	NumberGrid *grid;
	MantissaSums *mantissas;	/* per page of the grid */
	int			mantissa_pages;
} Counter;

extern void CounterInit(Counter *c, MemoryContext cxt, char *name, CellType type,
						int position);
extern void CountNumber(Counter *c, double x);
extern void CountLevel(Counter *c, const char *text, int len);
extern void CountCell(Counter *c, const Cell *cell);
/* what was counted, in the current context; texts stay where they are */
extern void CounterColumn(const Counter *c, ProfileColumn *out);

/* A whole number; most columns of leads hold small ones. */
static inline void
CountInteger(Counter *c, int64 x)
{
	if (likely((uint64) x < c->nsmall))
		c->small[x]++;
	else
		CountNumber(c, (double) x);
}

#endif							/* LEADSCORE_PROFILECOUNT_H */
