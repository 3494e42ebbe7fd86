/*-------------------------------------------------------------------------
 *
 * labelcells.h
 *	  What each column of a frame says about the label by itself.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_LABELCELLS_H
#define LEADSCORE_LABELCELLS_H

#include "association.h"
#include "fit.h"

/* A level, a number or a bin; levels that are too rare together, NULL by itself. */
typedef struct LabelCell
{
	char	   *level;			/* in the server's encoding */
	double		lower;			/* numbers: least and, but for the last bin, next */
	double		upper;
	int64		pos;
	int64		neg;
	double		woe;			/* NaN with one class only */
	double		information;	/* its part of the column's value */
} LabelCell;

typedef struct LabelColumn
{
	const FrameColumn *column;
	bool		number;
	const LeftOut *left_out;	/* by a fit, or NULL */
	int			n;				/* 0: the frame has no values of it */
	LabelCell  *cells;
	double		information;	/* NaN: unknown */
	double		chance;			/* the value that chance exceeds with LABEL_ALPHA */
	double		p;				/* of χ² */
	double		auc;			/* numbers: below 0.5 where more means fewer positives */
} LabelColumn;

#define LABEL_ALPHA		0.05

/* the features, but for those to exclude; options as of OPTIONS_LABEL */
extern LabelColumn *LabelColumns(const FrameStats *stats, const Options *opt, int *n);

#endif							/* LEADSCORE_LABELCELLS_H */
