/*-------------------------------------------------------------------------
 *
 * exactsum.c
 *	  The exact sum of doubles, whatever order they come in.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "exactsum.h"

#define LOWEST	(-1074)			/* exponent of the first digit's lowest bit */

/* x is finite */
void
ExactAdd(ExactSum *s, double x)
{
	uint64		bits,
				mantissa;
	int			exponent,
				at,
				shift;
	int64		sign;

	memcpy(&bits, &x, 8);
	sign = bits >> 63 ? -1 : 1;
	exponent = (int) (bits >> 52 & 0x7ff);
	mantissa = bits & ((UINT64CONST(1) << 52) - 1);
	if (exponent > 0)
		mantissa |= UINT64CONST(1) << 52;
	at = Max(exponent, 1) - 1;	/* bits above LOWEST */
	shift = at % 32;
	at /= 32;
	s->digit[at] += sign * (int64) (mantissa << shift & 0xffffffff);
	s->digit[at + 1] += sign * (int64) ((mantissa >> (32 - shift)) & 0xffffffff);
	s->digit[at + 2] += sign * (int64) (shift == 0 ? 0 : mantissa >> (64 - shift));
	if (++s->waiting >= EXACT_WAIT)
		ExactCarry(s);
}

/* Every digit but the last becomes 0 … 2^32 - 1; the last has the sign. */
void
ExactCarry(ExactSum *s)
{
	for (int i = 0; i < EXACT_DIGITS - 1; i++)
	{
		int64		carry = s->digit[i] >> 32;

		s->digit[i] -= carry * (INT64CONST(1) << 32);
		s->digit[i + 1] += carry;
	}
	s->waiting = 0;
}

void
ExactAddSum(ExactSum *s, const ExactSum *other)
{
	for (int i = 0; i < EXACT_DIGITS; i++)
		s->digit[i] += other->digit[i];
	ExactCarry(s);
}

/* To within a bit or two of the last place; the same for equal sums. */
double
ExactValue(const ExactSum *sum)
{
	ExactSum	s = *sum;
	double		value = 0;
	bool		negative;

	ExactCarry(&s);
	negative = s.digit[EXACT_DIGITS - 1] < 0;
	if (negative)
	{
		/* of a negative sum the leading digits cancel: take its opposite */
		for (int i = 0; i < EXACT_DIGITS; i++)
			s.digit[i] = -s.digit[i];
		ExactCarry(&s);
	}
	for (int i = EXACT_DIGITS - 1; i >= 0; i--)
		if (s.digit[i] != 0)
			value += ldexp((double) s.digit[i], LOWEST + 32 * i);
	return negative ? -value : value;
}
