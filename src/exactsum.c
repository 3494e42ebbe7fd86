/*-------------------------------------------------------------------------
 *
 * exactsum.c
 *	  Exact sums of doubles and of their squares, whatever order they come in.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "exactsum.h"

#define LEAST	1074			/* 2^-1074 is the least double, and its square … */
#define LOWEST	(-2 * LEAST)	/* the exponent of the first digit's lowest bit */

/* The mantissa of a finite number as a whole one, times 2^(*exponent - LEAST). */
static inline uint64
MantissaOf(double x, int *exponent)
{
	uint64		bits,
				mantissa;

	memcpy(&bits, &x, 8);
	*exponent = (int) (bits >> 52 & 0x7ff);
	mantissa = bits & ((UINT64CONST(1) << 52) - 1);
	if (*exponent > 0)
	{
		mantissa |= UINT64CONST(1) << 52;
		--*exponent;
	}
	return mantissa;
}

/* x is finite */
void
ExactAdd(ExactSum *s, double x)
{
	int			exponent,
				at,
				shift;
	uint64		mantissa = MantissaOf(x, &exponent);
	int64		sign = signbit(x) ? -1 : 1;

	at = exponent + LEAST;		/* bits above LOWEST */
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

/* Times 2^scale, to within a bit or two of the last place; the same for equal sums. */
static double
ScaledValue(const ExactSum *sum, int scale)
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
			value += ldexp((double) s.digit[i], LOWEST + 32 * i + scale);
	return negative ? -value : value;
}

double
ExactValue(const ExactSum *s)
{
	return ScaledValue(s, 0);
}

/* ---- with squares ---- */

/* Add a whole number of n digits, times 2^(LOWEST + at), times `times`. */
static void
AddWhole(ExactSum *s, const uint32 *digits, int n, int at, int64 times)
{
	int64		sign = times < 0 ? -1 : 1;
	uint64		factor[2] = {(uint64) (sign * times) & 0xffffffff,
	(uint64) (sign * times) >> 32};
	int			shift = at % 32;
	uint64		window = 0;		/* a digit above the one before it */

	at /= 32;
	for (int i = 0; i <= n; i++)
	{
		uint64		digit;

		window = window >> 32 | (i < n ? (uint64) digits[i] << 32 : 0);
		digit = window >> (32 - shift) & 0xffffffff;
		for (int k = 0; k < 2; k++)
		{
			uint64		product = digit * factor[k];

			s->digit[at + i + k] += sign * (int64) (product & 0xffffffff);
			s->digit[at + i + k + 1] += sign * (int64) (product >> 32);
		}
	}
	s->waiting += 4;			/* as often a digit was added to, at most */
	if (s->waiting >= EXACT_WAIT)
		ExactCarry(s);
}

/* x is finite; the same as to add it so many times */
void
ExactAddTimes(ExactSum *s, double x, int64 times)
{
	int			exponent;
	uint64		mantissa;
	uint32		digits[2];

	if (times == 1)
	{
		ExactAdd(s, x);
		return;
	}
	mantissa = MantissaOf(x, &exponent);
	digits[0] = (uint32) mantissa;
	digits[1] = (uint32) (mantissa >> 32);
	AddWhole(s, digits, 2, exponent + LEAST, signbit(x) ? -times : times);
}

static void
AddMantissas(PowerSums *s, int sign_exponent, const MantissaSums *m, int64 rows)
{
	int			at = Max(sign_exponent & 0x7ff, 1) - 1;
	bool		negative = sign_exponent >> 11 != 0;
	uint32		digits[6];

	for (int i = 0; i < 4; i++)
		digits[i] = (uint32) (m->sum[i / 2] >> 32 * (i % 2));
	AddWhole(&s->sum, digits, 4, at + LEAST, negative ? -rows : rows);
	for (int i = 0; i < 6; i++)
		digits[i] = (uint32) (m->squares[i / 2] >> 32 * (i % 2));
	AddWhole(&s->squares, digits, 6, 2 * at, rows);
}

void
PowerSumsAddMantissas(PowerSums *s, int sign_exponent, const MantissaSums *m)
{
	AddMantissas(s, sign_exponent, m, 1);
}

/* x is finite */
void
PowerSumsAdd(PowerSums *s, double x, int64 rows)
{
	MantissaSums m = {{0}};
	uint64		bits;

	memcpy(&bits, &x, 8);
	MantissaAdd(&m, bits);
	AddMantissas(s, bits >> 52, &m, rows);
}

void
PowerSumsAddSums(PowerSums *s, const PowerSums *other)
{
	ExactAddSum(&s->sum, &other->sum);
	ExactAddSum(&s->squares, &other->squares);
}

/* The sum less value / 2^scale, its scaled value; likewise scaled. */
static double
ScaledRest(const ExactSum *s, int scale, double value)
{
	ExactSum	left = *s;
	int			exponent;
	uint64		mantissa = (uint64) ldexp(fabs(frexp(value, &exponent)), 53);
	int			at = exponent - 53 - scale - LOWEST;
	uint32		digits[2];

	if (value == 0)
		return 0;
	if (at < 0)
		mantissa >>= -at;		/* zeros: a sum has nothing below */
	digits[0] = (uint32) mantissa;
	digits[1] = (uint32) (mantissa >> 32);
	AddWhole(&left, digits, 2, Max(at, 0), value < 0 ? 1 : -1);
	return ScaledValue(&left, scale);
}

/* The sum over n, scaled, and what a double of it lacks. */
static double
Mean(const ExactSum *s, int scale, double n, double *rest)
{
	double		value = ScaledValue(s, scale),
				mean = value / n;

	*rest = (fma(-mean, n, value) + ScaledRest(s, scale, value)) / n;
	return mean;
}

/* What brings the numbers near 1, so that no square is out of range. */
static int
ScaleOf(const ExactSum *squares)
{
	ExactSum	s = *squares;
	int			i = EXACT_DIGITS - 1;

	ExactCarry(&s);
	while (i > 0 && s.digit[i] == 0)
		i--;
	return -(LOWEST + 32 * i) / 2;
}

/*
 * sd^2 is the mean square less the mean squared, of which the leading places
 * cancel: so each is two doubles.
 */
void
PowerSumsMoments(const PowerSums *s, int64 n, double *mean, double *sd)
{
	int			scale = ScaleOf(&s->squares);
	double		mean_rest,
				square_rest,
				square = Mean(&s->squares, 2 * scale, n, &square_rest),
				m = Mean(&s->sum, scale, n, &mean_rest),
				m2 = m * m,
				variance = (square - m2) +
		(square_rest - (fma(m, m, -m2) + 2 * m * mean_rest));

	*mean = ldexp(m + mean_rest, -scale);
	*sd = variance < 0 ? 0 : ldexp(sqrt(variance), -scale);
}
