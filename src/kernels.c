/*-------------------------------------------------------------------------
 *
 * kernels.c
 *	  The vector loops of the solver, over the rows of a block: products with
 *	  dense columns, the loss and its derivatives, sums of squares of dense
 *	  columns.
 *
 * Every loop takes four rows at a time (quad.h).  For the sake of the same bits
 * on every machine exp and log1p are here too: the mathematical library of one
 * system differs from that of another in the last digit.
 *
 * Rows are padded with zeros to a multiple of four.
 *
 *-------------------------------------------------------------------------
 */
#include "leadscore.h"

#include "miscadmin.h"

#include "logistic.h"
#include "quad.h"

#define LANES		DESIGN_LANES

/* out += Σ coefficient[k] × column k, over n rows */
BODY void
DenseDotsBody(const double *dense, const double *coefficient, int ncolumns, int n,
			  double *out)
{
	int			k = 0;

	for (; k + 4 <= ncolumns; k += 4, dense += 4 * DESIGN_BLOCK_ROWS)
	{
		Quad		b0 = ALL(coefficient[k]);
		Quad		b1 = ALL(coefficient[k + 1]);
		Quad		b2 = ALL(coefficient[k + 2]);
		Quad		b3 = ALL(coefficient[k + 3]);

		for (int i = 0; i < n; i += LANES)
			QUAD(out + i) += (b0 * CONSTQUAD(dense + i) +
							  b1 * CONSTQUAD(dense + DESIGN_BLOCK_ROWS + i)) +
				(b2 * CONSTQUAD(dense + 2 * DESIGN_BLOCK_ROWS + i) +
				 b3 * CONSTQUAD(dense + 3 * DESIGN_BLOCK_ROWS + i));
	}
	for (; k < ncolumns; k++, dense += DESIGN_BLOCK_ROWS)
		for (int i = 0; i < n; i += LANES)
			QUAD(out + i) += ALL(coefficient[k]) * CONSTQUAD(dense + i);
}

KERNEL(extern, void, DenseDots,
	   (const double *dense, const double *coefficient, int ncolumns, int n, double *out),
	   (dense, coefficient, ncolumns, n, out))

/* 1 / k! for the series of exp, 2 / (2k + 1) for that of log1p */
static const double exp_term[] = {
	1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040,
	1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600,
	1.0 / 6227020800.0
};
static const double log_term[] = {
	2.0 / 1, 2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9, 2.0 / 11, 2.0 / 13, 2.0 / 15,
	2.0 / 17, 2.0 / 19, 2.0 / 21, 2.0 / 23, 2.0 / 25, 2.0 / 27, 2.0 / 29, 2.0 / 31
};

#define EXP_LARGEST		700.0	/* beyond, e^-x counts as e^-700 */
#define LOG2_E			1.4426950408889634
#define LN2_HIGH		6.93147180369123816490e-01	/* its last 21 bits are 0 */
#define LN2_LOW			1.90821492927058770002e-10
#define ROUNDING		6755399441055744.0	/* 1.5 × 2^52: the sum is an integer */

/*
 * From the linear predictor of each row the derivatives of its loss, given the
 * weights of its positives and negatives.  Adds to the sums.
 *
 * e = exp(-|eta|) is 2^k exp(r) with |r| ≤ ln 2 / 2.  log1p(e) is
 * 2 artanh(e / (2 + e)), where the argument is at most 1/3.
 */
BODY void
BlockLossBody(int n, const double *eta, const double *positive,
			  const double *negative, double *residual, double *weight,
			  LossSums *sums)
{
	const QuadBits sign = {INT64_MIN, INT64_MIN, INT64_MIN, INT64_MIN};
	const Quad	zero = {0, 0, 0, 0};
	Quad		loss = zero;
	Quad		positives = zero;
	Quad		negatives = zero;

	for (int i = 0; i < n; i += LANES)
	{
		Quad		x = CONSTQUAD(eta + i);
		Quad		pos = CONSTQUAD(positive + i);
		Quad		neg = CONSTQUAD(negative + i);
		Quad		total = pos + neg;
		Quad		size = (Quad) ((QuadBits) x & ~sign);
		QuadBits	up = (QuadBits) (x > zero);
		Quad		y = SELECT((QuadBits) (size < ALL(EXP_LARGEST)), size, ALL(EXP_LARGEST));
		Quad		k = ALL(ROUNDING) - y * ALL(LOG2_E);
		Quad		whole = k - ALL(ROUNDING);
		Quad		r = (-y - whole * ALL(LN2_HIGH)) - whole * ALL(LN2_LOW);
		Quad		r2 = r * r;
		Quad		odd = ALL(exp_term[13]);
		Quad		even = ALL(exp_term[12]);
		Quad		e;
		Quad		large;
		Quad		small;
		Quad		s;
		Quad		s2;
		Quad		series;

#pragma GCC unroll 8
		for (int t = 10; t >= 0; t -= 2)
		{
			odd = odd * r2 + ALL(exp_term[t + 1]);
			even = even * r2 + ALL(exp_term[t]);
		}
		e = even + odd * r;
		/* the low bits of k are those of the integer; into the exponent */
		e = (Quad) ((QuadBits) e + ((QuadBits) k << 52));

		large = ALL(1.0) / (ALL(1.0) + e);
		small = e * large;
		QUAD(weight + i) = total * large * small;
		QUAD(residual + i) = neg * SELECT(up, large, small) -
			pos * SELECT(up, small, large);

		s = e / (ALL(2.0) + e);
		s2 = s * s;
		series = ALL(log_term[15]);
#pragma GCC unroll 16
		for (int t = 14; t >= 0; t--)
			series = series * s2 + ALL(log_term[t]);
		loss += total * (s * series) +
			(pos * ((size - x) * ALL(0.5)) + neg * ((size + x) * ALL(0.5)));
		positives += pos;
		negatives += neg;
	}
	sums->loss += SUM(loss);
	sums->positive += SUM(positives);
	sums->negative += SUM(negatives);
}

KERNEL(extern, void, BlockLoss,
	   (int n, const double *eta, const double *positive, const double *negative,
		double *residual, double *weight, LossSums *sums),
	   (n, eta, positive, negative, residual, weight, sums))

/* The products of two columns with four, over n rows. */
BODY void
TwoByFour(const double *a0, const double *a1, const double *const b[4], int n,
		  double out[2][4])
{
	const Quad	zero = {0, 0, 0, 0};
	Quad		s00 = zero,
				s01 = zero,
				s02 = zero,
				s03 = zero;
	Quad		s10 = zero,
				s11 = zero,
				s12 = zero,
				s13 = zero;

	for (int i = 0; i < n; i += LANES)
	{
		Quad		x0 = CONSTQUAD(a0 + i);
		Quad		x1 = CONSTQUAD(a1 + i);
		Quad		y;

		y = CONSTQUAD(b[0] + i);
		s00 += x0 * y;
		s10 += x1 * y;
		y = CONSTQUAD(b[1] + i);
		s01 += x0 * y;
		s11 += x1 * y;
		y = CONSTQUAD(b[2] + i);
		s02 += x0 * y;
		s12 += x1 * y;
		y = CONSTQUAD(b[3] + i);
		s03 += x0 * y;
		s13 += x1 * y;
	}
	out[0][0] = SUM(s00);
	out[0][1] = SUM(s01);
	out[0][2] = SUM(s02);
	out[0][3] = SUM(s03);
	out[1][0] = SUM(s10);
	out[1][1] = SUM(s11);
	out[1][2] = SUM(s12);
	out[1][3] = SUM(s13);
}

/*
 * gradient += Σ residual z and gram += Σ weight z zᵀ, packed, over n rows
 * z = (1, dense columns).  `weighted` is set to the dense columns times weight.
 */
BODY void
DenseGramBody(const double *dense, int ncolumns, int n, const double *residual,
			  const double *weight, double *weighted, double *gradient, double *gram)
{
	const Quad	zero = {0, 0, 0, 0};
	Quad		r = zero;
	Quad		w = zero;

	for (int i = 0; i < n; i += LANES)
	{
		r += CONSTQUAD(residual + i);
		w += CONSTQUAD(weight + i);
	}
	gradient[0] += SUM(r);
	gram[0] += SUM(w);
	for (int k = 0; k < ncolumns; k++)
	{
		const double *z = dense + (size_t) k * DESIGN_BLOCK_ROWS;
		double	   *wz = weighted + (size_t) k * DESIGN_BLOCK_ROWS;

		r = w = zero;
		for (int i = 0; i < n; i += LANES)
		{
			Quad		x = CONSTQUAD(z + i);
			Quad		wx = CONSTQUAD(weight + i) * x;

			QUAD(wz + i) = wx;
			w += wx;
			r += CONSTQUAD(residual + i) * x;
		}
		gradient[k + 1] += SUM(r);
		gram[Tri(k + 1)] += SUM(w);
	}
	for (int j = 0; j < ncolumns; j += 2)
	{
		int			j1 = Min(j + 1, ncolumns - 1);

		for (int k = 0; k <= j1; k += 4)
		{
			const double *b[4];
			double		out[2][4];

			for (int c = 0; c < 4; c++)
				b[c] = dense + (size_t) Min(k + c, j1) * DESIGN_BLOCK_ROWS;
			TwoByFour(weighted + (size_t) j * DESIGN_BLOCK_ROWS,
					  weighted + (size_t) j1 * DESIGN_BLOCK_ROWS, b, n, out);
			for (int row = 0; row <= j1 - j; row++)
				for (int c = 0; c < 4 && k + c <= j + row; c++)
					gram[Tri(j + row + 1) + k + c + 1] += out[row][c];
		}
		CHECK_FOR_INTERRUPTS();
	}
}

KERNEL(extern, void, DenseGram,
	   (const double *dense, int ncolumns, int n, const double *residual,
		const double *weight, double *weighted, double *gradient, double *gram),
	   (dense, ncolumns, n, residual, weight, weighted, gradient, gram))

/*
 * The same for the entries of a block: their products with one another go to
 * `gram`, those with (residual, weight, weighted dense columns) to `cross`, a
 * line of CrossWidth() for every design column.  `lines` is room for that of
 * every row.
 */
BODY void
SparseGramBody(const DesignBlock *b, int ncolumns, const double *residual,
			   const double *weight, const double *weighted, double *lines,
			   double *cross, double *gram)
{
	int			width = CrossWidth(ncolumns);
	int64		work = 0;

	for (int i = 0; i < b->n; i++)
	{
		lines[(size_t) i * width] = residual[i];
		lines[(size_t) i * width + 1] = weight[i];
	}
	for (int k = 0; k < ncolumns; k++)
		for (int i = 0; i < b->n; i++)
			lines[(size_t) i * width + k + 2] = weighted[(size_t) k * DESIGN_BLOCK_ROWS + i];

	for (int i = 0; i < b->n; i++)
	{
		const double *line = lines + (size_t) i * width;
		const int  *index = b->index + b->start[i];
		const double *value = b->value + b->start[i];
		int			n = b->start[i + 1] - b->start[i];

		for (int k = 0; k < n; k++)
		{
			double	   *c = cross + (size_t) index[k] * width;
			double	   *row = gram + Tri(index[k]);
			double		x = value[k];
			double		wx = weight[i] * x;

			for (int j = 0; j < width; j += LANES)
				QUAD(c + j) += ALL(x) * CONSTQUAD(line + j);
			for (int j = 0; j <= k; j++)
				row[index[j]] += wx * value[j];
		}
		work += (int64) n * (n + width);
		if (work > 1000000)
		{
			CHECK_FOR_INTERRUPTS();
			work = 0;
		}
	}
}

KERNEL(extern, void, SparseGram,
	   (const DesignBlock *b, int ncolumns, const double *residual, const double *weight,
		const double *weighted, double *lines, double *cross, double *gram),
	   (b, ncolumns, residual, weight, weighted, lines, cross, gram))
