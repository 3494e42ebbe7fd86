/*-------------------------------------------------------------------------
 *
 * threshold.h
 *	  Where to draw the line: from which score on a lead is taken.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_THRESHOLD_H
#define LEADSCORE_THRESHOLD_H

#include "metrics.h"

/* The kinds of a PairChoice, and what its numbers are then. */
typedef enum Criterion
{
	CRITERION_NONE = 0,
	CRITERION_F1,				/* greatest */
	CRITERION_YOUDEN,			/* greatest */
	CRITERION_COST,				/* least; numbers: of a tp, fp, tn, fn */
	CRITERION_MIN_PRECISION,	/* at least number[0]: greatest recall */
	CRITERION_MIN_RECALL,		/* at least number[0]: fewest taken */
	CRITERION_SHARE,			/* at most number[0] of all: most taken */
	CRITERION_CAPACITY			/* at most number[0]: most taken */
} Criterion;

#define CRITERION_LAST	CRITERION_CAPACITY

/* The cells of a cost matrix: indices into the numbers. */
typedef enum CostCell
{
	COST_TP,
	COST_FP,
	COST_TN,
	COST_FN
} CostCell;

typedef struct ThresholdChoice
{
	const char *note;			/* why there is no threshold, or NULL */
	double		threshold;		/* infinity: take nobody */
	double		value;			/* of the criterion */
	int64		tp;
	int64		fp;
} ThresholdChoice;

extern void ChooseThreshold(const Ties *ties, const PairChoice *criterion,
							ThresholdChoice *choice);

#endif							/* LEADSCORE_THRESHOLD_H */
