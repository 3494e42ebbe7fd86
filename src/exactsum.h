/*-------------------------------------------------------------------------
 *
 * exactsum.h
 *	  The exact sum of doubles, whatever order they come in.
 *
 * A sum is a very long number of 32 bits a digit, held in 64 so that carries
 * may wait (Neal, Fast exact summation using small and large superaccumulators,
 * 2015).  Equal sums have equal digits once the carries are done.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_EXACTSUM_H
#define LEADSCORE_EXACTSUM_H

#include "postgres.h"

#define EXACT_DIGITS	68		/* of 32 bits: 2^-1074 to 2^1024 and room above */
#define EXACT_WAIT		(1 << 29)	/* additions before carries must be done */

typedef struct ExactSum
{
	int64		digit[EXACT_DIGITS];
	int			waiting;
} ExactSum;

extern void ExactAdd(ExactSum *s, double x);
extern void ExactCarry(ExactSum *s);
extern void ExactAddSum(ExactSum *s, const ExactSum *other);	/* carries done */
extern double ExactValue(const ExactSum *s);

#endif							/* LEADSCORE_EXACTSUM_H */
