/*-------------------------------------------------------------------------
 *
 * linalg.c
 *	  Cholesky factors, inverses and extreme eigenvalues of packed symmetric
 *	  matrices.
 *
 * Everything works on the matrix scaled to unit diagonal, so that columns of
 * very different size do not look singular.  A dropped column is treated as if
 * its row and column were those of the identity; nothing has to be moved.
 *
 * The inner loops take four rows at a time, and several rows against each that is
 * fetched from memory: of large matrices that is what takes the time.
 *
 *-------------------------------------------------------------------------
 */
#include "leadscore.h"

#include <math.h>

#include "miscadmin.h"

#include "logistic.h"
#include "quad.h"

/*
 * Zeroed memory that may exceed the usual limit of 1 GB; a little at a time, as
 * the system takes long to find so much.
 */
void *
HugeAlloc0(size_t count, size_t size)
{
	size_t		left = Max(count, 1) * size;
	char	   *start = palloc_extended(left, MCXT_ALLOC_HUGE);

	for (char *at = start; left > 0;)
	{
		size_t		n = Min(left, 1024 * 1024);

		CHECK_FOR_INTERRUPTS();
		memset(at, 0, n);
		at += n;
		left -= n;
	}
	return start;
}

BODY double
DotBody(const double *x, const double *y, int n)
{
	Quad		s = {0, 0, 0, 0};
	Quad		t = {0, 0, 0, 0};
	int			k = 0;
	double		sum;

	for (; k + 8 <= n; k += 8)
	{
		s += CONSTQUAD(x + k) * CONSTQUAD(y + k);
		t += CONSTQUAD(x + k + 4) * CONSTQUAD(y + k + 4);
	}
	s += t;
	sum = SUM(s);
	for (; k < n; k++)
		sum += x[k] * y[k];
	return sum;
}

KERNEL(extern, double, Dot, (const double *x, const double *y, int n), (x, y, n))

/* y += a x */
BODY void
AddMultipleBody(double *y, double a, const double *x, int n)
{
	Quad		aa = ALL(a);
	int			k = 0;

	for (; k + 4 <= n; k += 4)
		QUAD(y + k) += aa * CONSTQUAD(x + k);
	for (; k < n; k++)
		y[k] += a * x[k];
}

KERNEL(extern, void, AddMultiple, (double *y, double a, const double *x, int n), (y, a, x, n))

/* The products of x with four rows at once: x is read only once. */
BODY void
DotFourBody(const double *x, double *const row[4], int n, double out[4])
{
	const double *a = row[0];
	const double *b = row[1];
	const double *c = row[2];
	const double *d = row[3];
	Quad		sa = {0, 0, 0, 0};
	Quad		sb = {0, 0, 0, 0};
	Quad		sc = {0, 0, 0, 0};
	Quad		sd = {0, 0, 0, 0};
	int			k = 0;

	for (; k + 4 <= n; k += 4)
	{
		Quad		xx = CONSTQUAD(x + k);

		sa += xx * CONSTQUAD(a + k);
		sb += xx * CONSTQUAD(b + k);
		sc += xx * CONSTQUAD(c + k);
		sd += xx * CONSTQUAD(d + k);
	}
	out[0] = SUM(sa);
	out[1] = SUM(sb);
	out[2] = SUM(sc);
	out[3] = SUM(sd);
	for (; k < n; k++)
		for (int r = 0; r < 4; r++)
			out[r] += x[k] * row[r][k];
}

KERNEL(static, void, DotFour, (const double *x, double *const row[4], int n, double out[4]),
	   (x, row, n, out))

/* Four rows += each its multiple of x. */
BODY void
AddMultipleFourBody(double *const row[4], const double a[4], const double *x, int n)
{
	Quad		a0 = ALL(a[0]);
	Quad		a1 = ALL(a[1]);
	Quad		a2 = ALL(a[2]);
	Quad		a3 = ALL(a[3]);
	int			k = 0;

	for (; k + 4 <= n; k += 4)
	{
		Quad		xx = CONSTQUAD(x + k);

		QUAD(row[0] + k) += a0 * xx;
		QUAD(row[1] + k) += a1 * xx;
		QUAD(row[2] + k) += a2 * xx;
		QUAD(row[3] + k) += a3 * xx;
	}
	for (; k < n; k++)
		for (int r = 0; r < 4; r++)
			row[r][k] += a[r] * x[k];
}

KERNEL(static, void, AddMultipleFour,
	   (double *const row[4], const double a[4], const double *x, int n),
	   (row, a, x, n))

/*
 * gram += Σ rows[r] rows[r]ᵀ over four rows of n.
 */
BODY void
GramAddFourBody(double *gram, const double *rows, int n)
{
	const double *x0 = rows;
	const double *x1 = rows + n;
	const double *x2 = rows + 2 * (size_t) n;
	const double *x3 = rows + 3 * (size_t) n;

	for (int i = 0; i < n; i++)
	{
		double	   *g = gram + Tri(i);
		Quad		a0 = ALL(x0[i]);
		Quad		a1 = ALL(x1[i]);
		Quad		a2 = ALL(x2[i]);
		Quad		a3 = ALL(x3[i]);
		int			j = 0;

		if (x0[i] == 0 && x1[i] == 0 && x2[i] == 0 && x3[i] == 0)
			continue;
		for (; j + 4 <= i + 1; j += 4)
			QUAD(g + j) += (a0 * CONSTQUAD(x0 + j) + a1 * CONSTQUAD(x1 + j)) +
				(a2 * CONSTQUAD(x2 + j) + a3 * CONSTQUAD(x3 + j));
		for (; j <= i; j++)
			g[j] += (x0[i] * x0[j] + x1[i] * x1[j]) + (x2[i] * x2[j] + x3[i] * x3[j]);
	}
}

KERNEL(static, void, GramAddFour, (double *gram, const double *rows, int n), (gram, rows, n))

/* Finish row i of the factor: columns from `from` on, then the pivot. */
static double
FactorRowEnd(double *l, const double *inverse_diagonal, const double *a,
			 const double *scale, int i, int from)
{
	double	   *li = l + Tri(i);
	const double *ai = a + Tri(i);

	for (int j = from; j < i; j++)
		li[j] = (ai[j] * scale[i] * scale[j] - Dot(li, l + Tri(j), j)) *
			inverse_diagonal[j];
	return 1.0 - Dot(li, li, i);
}

/* So many rows of a factor are worked on at once. */
#define FACTOR_ROWS		16

/*
 * Factor the packed matrix `a`, scaled to unit diagonal, into L Lᵀ.
 *
 * A pivot is the share of a column that the columns before it do not explain.
 * Where it is not above `tolerance`, either the column is dropped (`drop`), or
 * the factorisation fails.  `pivot` may be NULL.
 */
bool
CholeskyFactor(double *l, double *scale, bool *dropped, double *pivot,
			   const double *a, int p, double tolerance, bool drop)
{
	double	   *inverse = palloc(sizeof(double) * p);
	bool		ok = true;

	for (int i = 0; i < p; i++)
	{
		double		d = a[Tri(i) + i];

		if (!dropped[i] && d > 0)
			scale[i] = 1.0 / sqrt(d);
		else
			scale[i] = 0;
	}

	for (int first = 0; first < p && ok; first += FACTOR_ROWS)
	{
		int			n = Min(FACTOR_ROWS, p - first);

		for (int j = 0; j < first; j++)
		{
			if (j % 64 == 0)
				CHECK_FOR_INTERRUPTS();
			for (int four = 0; four < n; four += 4)
			{
				double	   *row[4];
				double		dot[4];

				for (int r = 0; r < 4; r++)
					row[r] = l + Tri(first + Min(four + r, n - 1));
				DotFour(l + Tri(j), row, j, dot);
				for (int r = 0; r < 4 && four + r < n; r++)
					row[r][j] = inverse[j] * (a[Tri(first + four + r) + j] *
											  scale[first + four + r] * scale[j] - dot[r]);
			}
		}
		for (int i = first; i < first + n; i++)
		{
			double		rest = FactorRowEnd(l, inverse, a, scale, i, first);
			double	   *li = l + Tri(i);

			if (scale[i] == 0)
				rest = 0;
			if (pivot)
				pivot[i] = rest;
			if (rest > tolerance)
			{
				li[i] = sqrt(rest);
				inverse[i] = 1.0 / li[i];
				continue;
			}
			if (!dropped[i] && !drop)
			{
				ok = false;
				break;
			}
			dropped[i] = true;
			scale[i] = 0;
			memset(li, 0, sizeof(double) * i);
			li[i] = 1;
			inverse[i] = 0;
		}
	}
	pfree(inverse);
	return ok;
}

/* Solve the unscaled system of the first n columns in place; dropped ones: 0 */
void
CholeskySolve(const double *l, const double *scale, double *x, int n)
{
	for (int i = 0; i < n; i++)
		x[i] = (x[i] * scale[i] - Dot(l + Tri(i), x, i)) / l[Tri(i) + i];
	for (int i = n - 1; i >= 0; i--)
	{
		x[i] /= l[Tri(i) + i];
		AddMultiple(x, -x[i], l + Tri(i), i);
	}
	for (int i = 0; i < n; i++)
		x[i] *= scale[i];
}

/* Replace the factor by its inverse, from the top. */
static void
InvertFactor(double *l, int p)
{
	double	   *old = palloc(sizeof(double) * 4 * p);	/* rows of the factor */

	for (int first = 0; first < p; first += 4)
	{
		int			n = Min(4, p - first);
		double	   *row[4];

		for (int r = 0; r < n; r++)
		{
			row[r] = l + Tri(first + r);
			memcpy(old + (size_t) r * p, row[r], sizeof(double) * (first + r + 1));
			memset(row[r], 0, sizeof(double) * (first + r + 1));
		}
		for (int k = 0; k < first && n == 4; k++)
		{
			double		minus[4] = {-old[k], -old[p + k], -old[2 * (size_t) p + k],
			-old[3 * (size_t) p + k]};

			if (k % 64 == 0)
				CHECK_FOR_INTERRUPTS();
			AddMultipleFour(row, minus, l + Tri(k), k + 1);
		}
		for (int r = 0; r < n; r++)
		{
			const double *li = old + (size_t) r * p;
			int			i = first + r;

			for (int k = n == 4 ? first : 0; k < i; k++)
				AddMultiple(row[r], -li[k], l + Tri(k), k + 1);
			for (int k = 0; k < i; k++)
				row[r][k] /= li[i];
			row[r][i] = 1.0 / li[i];
		}
	}
	pfree(old);
}

/*
 * The inverse of the unscaled matrix, packed; zero where dropped.  Destroys the
 * factor.
 */
void
CholeskyInverse(double *l, const double *scale, const bool *dropped,
				double *inverse, int p)
{
	double	   *rows = palloc(sizeof(double) * 4 * p);

	InvertFactor(l, p);
	memset(inverse, 0, sizeof(double) * Tri(p));
	for (int first = 0; first < p; first += 4)
	{
		int			n = Min(first + 4, p);

		CHECK_FOR_INTERRUPTS();
		memset(rows, 0, sizeof(double) * 4 * n);
		for (int i = first; i < n; i++)
			if (!dropped[i])
				memcpy(rows + (size_t) (i - first) * n, l + Tri(i),
					   sizeof(double) * (i + 1));
		GramAddFour(inverse, rows, n);
	}
	for (int i = 0; i < p; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j <= i; j++)
			inverse[Tri(i) + j] *= scale[i] * scale[j];
	}
	pfree(rows);
}

/* y = S A S x, the scaled matrix */
static void
ScaledTimes(const double *a, const double *scale, const double *x, double *y,
			int p)
{
	double	   *sx = palloc(sizeof(double) * p);

	for (int i = 0; i < p; i++)
		sx[i] = x[i] * scale[i];
	memset(y, 0, sizeof(double) * p);
	for (int i = 0; i < p; i++)
	{
		const double *row = a + Tri(i);

		y[i] += Dot(row, sx, i + 1);
		AddMultiple(y, sx[i], row, i);
	}
	for (int i = 0; i < p; i++)
		y[i] *= scale[i];
	pfree(sx);
}

/* y = (L Lᵀ)⁻¹ x, the inverse of the scaled matrix */
static void
InverseTimes(const double *l, const double *x, double *y, int p)
{
	memcpy(y, x, sizeof(double) * p);
	for (int i = 0; i < p; i++)
		y[i] = (y[i] - Dot(l + Tri(i), y, i)) / l[Tri(i) + i];
	for (int i = p - 1; i >= 0; i--)
	{
		y[i] /= l[Tri(i) + i];
		AddMultiple(y, -y[i], l + Tri(i), i);
	}
}

/* Largest eigenvalue of a tridiagonal matrix: bisection on Sturm counts. */
static double
TridiagonalMax(const double *diagonal, const double *off, int n)
{
	double		low = diagonal[0];
	double		high = diagonal[0];

	for (int i = 0; i < n; i++)
	{
		double		radius = (i > 0 ? fabs(off[i - 1]) : 0) +
		(i + 1 < n ? fabs(off[i]) : 0);

		low = Max(low, diagonal[i]);
		high = Max(high, diagonal[i] + radius);
	}
	for (int k = 0; k < 60 && high - low > 1e-13 * fabs(high); k++)
	{
		double		middle = (low + high) / 2;
		double		q = 1;
		bool		above = false;	/* is an eigenvalue above `middle`? */

		for (int i = 0; i < n && !above; i++)
		{
			double		e = i > 0 ? off[i - 1] * off[i - 1] : 0;

			q = diagonal[i] - middle - (i > 0 ? e / q : 0);
			if (q == 0)
				q = -1e-300;
			above = q > 0;
		}
		if (above)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

#define LANCZOS_STEPS	400

/*
 * Largest eigenvalue of the scaled matrix (l NULL) or of its inverse, by
 * Lanczos with full reorthogonalisation: exact after as many steps as there
 * are columns, and the ends of the spectrum settle long before.
 */
static double
LargestEigenvalue(const double *a, const double *l, const double *scale,
				  const bool *dropped, int p)
{
	int			most = Min(p, LANCZOS_STEPS);
	double	   *basis = HugeAlloc0((size_t) most * p, sizeof(double));
	double	   *y = palloc(sizeof(double) * p);
	double		diagonal[LANCZOS_STEPS];
	double		off[LANCZOS_STEPS];
	double		norm;
	double		last = 0;
	double		value = 0;
	uint64		seed = 1;

	/* any start with a part in every direction will do, but always the same */
	for (int i = 0; i < p; i++)
	{
		seed = seed * UINT64CONST(6364136223846793005) +
			UINT64CONST(1442695040888963407);
		basis[i] = dropped[i] ? 0 : 0.5 + (double) (seed >> 40) / (1 << 24);
	}
	norm = sqrt(Dot(basis, basis, p));
	for (int i = 0; i < p && norm > 0; i++)
		basis[i] /= norm;

	for (int k = 0; k < most; k++)
	{
		double	   *v = basis + (size_t) k * p;

		CHECK_FOR_INTERRUPTS();
		if (l)
			InverseTimes(l, v, y, p);
		else
			ScaledTimes(a, scale, v, y, p);
		diagonal[k] = Dot(v, y, p);
		for (int twice = 0; twice < 2; twice++)
			for (int j = 0; j <= k; j++)
				AddMultiple(y, -Dot(basis + (size_t) j * p, y, p),
							basis + (size_t) j * p, p);
		off[k] = sqrt(Dot(y, y, p));
		if (k % 8 == 7 || k == most - 1 || off[k] <= 1e-14 * fabs(diagonal[0]))
		{
			value = TridiagonalMax(diagonal, off, k + 1);
			if (k > 16 && fabs(value - last) <= 1e-12 * value)
				break;
			last = value;
		}
		if (off[k] <= 1e-14 * fabs(diagonal[0]) || k == most - 1)
			break;
		for (int i = 0; i < p; i++)
			basis[(size_t) (k + 1) * p + i] = y[i] / off[k];
	}
	pfree(basis);
	pfree(y);
	return value;
}

/* Condition number of the matrix scaled to unit diagonal, dropped ones apart. */
double
ScaledCondition(const double *a, const double *l, const double *scale,
				const bool *dropped, int p)
{
	return LargestEigenvalue(a, NULL, scale, dropped, p) *
		LargestEigenvalue(NULL, l, scale, dropped, p);
}
