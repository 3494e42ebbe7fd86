/*-------------------------------------------------------------------------
 *
 * association.h
 *	  What one column says about the label: counts in, numbers out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_ASSOCIATION_H
#define LEADSCORE_ASSOCIATION_H

#include "postgres.h"

/* Rows of one value, or of values that count as one. */
typedef struct ValueGroup
{
	double		order;
	int64		pos;
	int64		neg;
} ValueGroup;

/* by order, equal ones joined; returns how many are left */
extern int64 GroupsSort(ValueGroup *groups, int64 n);
/* of sorted groups: the larger order, the more positives; NaN with one class only */
extern double GroupsAuc(const ValueGroup *groups, int64 n);

/* ln of the share of the positives over that of the negatives; NaN with one class */
extern double WeightOfEvidence(int64 pos, int64 neg, int64 all_pos, int64 all_neg);
/* χ² of the cells against the label, Pearson's, sparse cells pooled; *df gets k - 1 */
extern double LabelChiSquare(const ValueGroup *cells, int n, int *df);

#endif							/* LEADSCORE_ASSOCIATION_H */
