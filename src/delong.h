/*-------------------------------------------------------------------------
 *
 * delong.h
 *	  Two scores of the same leads, compared.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_DELONG_H
#define LEADSCORE_DELONG_H

#include "leadscore.h"

/* `pos` positives and `neg` negatives have these two scores. */
typedef struct ScoredPattern
{
	double		score[2];
	int64		pos;
	int64		neg;
} ScoredPattern;

/* What is undefined is NaN. */
typedef struct PairedAuc
{
	int64		pos;
	int64		neg;
	double		auc[2];
	double		log_loss[2];
	double		delta;			/* auc[1] - auc[0] */
	double		error;			/* its standard error */
	double		low;			/* 95 % */
	double		high;
} PairedAuc;

extern void ComparePaired(const ScoredPattern *patterns, int64 n, PairedAuc *out);

#endif							/* LEADSCORE_DELONG_H */
