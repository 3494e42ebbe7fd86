/*-------------------------------------------------------------------------
 *
 * design.h
 *	  What the two files of the design share: per feature a table of what its
 *	  codes are in the design.
 *
 *-------------------------------------------------------------------------
 */
#ifndef DESIGN_H
#define DESIGN_H

#include "fit.h"

/*
 * Design entries of every code of a feature; those of code k are
 * start[k] … start[k + 1] - 1.  Numbers without a dictionary have NULL (code 0)
 * alone in the table.  The value column of a dense number is not among the
 * entries.
 */
typedef struct FeatureTable
{
	const Feature *f;
	const FrameColumn *c;
	bool		plain;			/* numbers without a dictionary */
	bool		nulls;			/* some labelled row is NULL */
	int			ncodes;
	int		   *start;			/* ncodes + 1 */
	int		   *column;
	double	   *value;
	double	   *dense;			/* per code, or NULL */
	double		center;			/* of a number */
	double		scale;
} FeatureTable;

/* designblock.c */
typedef struct DesignBlocks DesignBlocks;

/* the tables in the order of the design's columns */
extern DesignBlocks *DesignBlocksCreate(const FrameStats *stats,
										const FeatureTable *tables, int ntables);
extern void DesignBlocksFill(void *arg, int64 first, int n, DesignBlock *block);

#endif							/* DESIGN_H */
