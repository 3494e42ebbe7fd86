/*-------------------------------------------------------------------------
 *
 * exactsum.h
 *	  Exact sums of doubles and of their squares, whatever order they come in.
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

#define EXACT_DIGITS	136		/* of 32 bits: 2^-2148 to 2^2048 and room above */
#define EXACT_WAIT		(1 << 29)	/* additions before carries must be done */

typedef struct ExactSum
{
	int64		digit[EXACT_DIGITS];
	int			waiting;
} ExactSum;

extern void ExactAdd(ExactSum *s, double x);
extern void ExactAddTimes(ExactSum *s, double x, int64 times);
extern void ExactCarry(ExactSum *s);
extern void ExactAddSum(ExactSum *s, const ExactSum *other);	/* carries done */
extern double ExactValue(const ExactSum *s);

typedef struct PowerSums
{
	ExactSum	sum;
	ExactSum	squares;
} PowerSums;

extern void PowerSumsAdd(PowerSums *s, double x, int64 rows);
extern void PowerSumsAddSums(PowerSums *s, const PowerSums *other);
/* mean and population sd of n numbers; sd to 8 digits while it is 1e-12 of the mean */
extern void PowerSumsMoments(const PowerSums *s, int64 n, double *mean, double *sd);

/*
 * The same for numbers of one sign and exponent: sums of their mantissas, which
 * are whole numbers, and of the mantissas' squares; the lowest words first.
 * Adding one is as cheap as counting it.
 */
typedef struct MantissaSums
{
	uint64		sum[2];
	uint64		squares[3];
} MantissaSums;

extern void PowerSumsAddMantissas(PowerSums *s, int sign_exponent, const MantissaSums *m);

/* `bits`: the number's; its leading twelve tell sign and exponent */
static inline void
MantissaAdd(MantissaSums *m, uint64 bits)
{
	uint64		x = bits & ((UINT64CONST(1) << 52) - 1),
				high,
				low,
				middle,
				square;

	if ((bits >> 52 & 0x7ff) != 0)
		x |= UINT64CONST(1) << 52;
	m->sum[0] += x;
	m->sum[1] += (m->sum[0] < x);

	/* (high 2^32 + low)^2 */
	high = x >> 32;
	low = x & 0xffffffff;
	middle = 2 * high * low;
	square = low * low;
	m->squares[0] += square;
	high = high * high + (middle >> 32) + (m->squares[0] < square);
	middle <<= 32;
	m->squares[0] += middle;
	high += (m->squares[0] < middle);
	m->squares[1] += high;
	m->squares[2] += (m->squares[1] < high);
}

#endif							/* LEADSCORE_EXACTSUM_H */
