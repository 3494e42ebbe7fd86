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
 * The inner loops take four rows at a time and add in pairs.  That is what the
 * processor is fast at, and as it is written out, the order of the additions
 * does not depend on the compiler's mood.
 *
 *-------------------------------------------------------------------------
 */
#include "leadscore.h"

#include <math.h>

#include "miscadmin.h"

#include "logistic.h"

/* Two doubles side by side, at any address of a double. */
typedef double Pair __attribute__((vector_size(16), aligned(8), may_alias));

#define PAIR(x)		(*(Pair *) (x))
#define CONSTPAIR(x) (*(const Pair *) (x))

/* Zeroed memory that may exceed the usual limit of 1 GB. */
void *
HugeAlloc0(size_t count, size_t size)
{
	return palloc_extended(Max(count, 1) * size,
						   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

double
Dot(const double *x, const double *y, int n)
{
	Pair		s = {0, 0};
	Pair		t = {0, 0};
	int			k = 0;
	double		sum;

	for (; k + 4 <= n; k += 4)
	{
		s += CONSTPAIR(x + k) * CONSTPAIR(y + k);
		t += CONSTPAIR(x + k + 2) * CONSTPAIR(y + k + 2);
	}
	s += t;
	sum = s[0] + s[1];
	for (; k < n; k++)
		sum += x[k] * y[k];
	return sum;
}

/* y += a x */
void
AddMultiple(double *y, double a, const double *x, int n)
{
	Pair		aa = {a, a};
	int			k = 0;

	for (; k + 2 <= n; k += 2)
		PAIR(y + k) += aa * CONSTPAIR(x + k);
	for (; k < n; k++)
		y[k] += a * x[k];
}

/* The products of x with four rows at once: x is read only once. */
static void
DotFour(const double *x, double *const row[4], int n, double out[4])
{
	Pair		s[4] = {{0, 0}, {0, 0}, {0, 0}, {0, 0}};
	const double *a = row[0];
	const double *b = row[1];
	const double *c = row[2];
	const double *d = row[3];
	int			k = 0;

	for (; k + 2 <= n; k += 2)
	{
		Pair		xx = CONSTPAIR(x + k);

		s[0] += xx * CONSTPAIR(a + k);
		s[1] += xx * CONSTPAIR(b + k);
		s[2] += xx * CONSTPAIR(c + k);
		s[3] += xx * CONSTPAIR(d + k);
	}
	for (int r = 0; r < 4; r++)
	{
		out[r] = s[r][0] + s[r][1];
		if (k < n)
			out[r] += x[k] * row[r][k];
	}
}

/*
 * gram += Σ weight[r] rows[r] rows[r]ᵀ over four rows of n.
 */
void
GramAddFour(double *gram, const double *rows, const double *weight, int n)
{
	const double *x0 = rows;
	const double *x1 = rows + n;
	const double *x2 = rows + 2 * (size_t) n;
	const double *x3 = rows + 3 * (size_t) n;

	for (int i = 0; i < n; i++)
	{
		double	   *g = gram + Tri(i);
		double		a0 = weight[0] * x0[i];
		double		a1 = weight[1] * x1[i];
		double		a2 = weight[2] * x2[i];
		double		a3 = weight[3] * x3[i];
		Pair		p0 = {a0, a0};
		Pair		p1 = {a1, a1};
		Pair		p2 = {a2, a2};
		Pair		p3 = {a3, a3};
		int			j = 0;

		if (a0 == 0 && a1 == 0 && a2 == 0 && a3 == 0)
			continue;
		for (; j + 2 <= i + 1; j += 2)
			PAIR(g + j) += (p0 * CONSTPAIR(x0 + j) + p1 * CONSTPAIR(x1 + j)) +
				(p2 * CONSTPAIR(x2 + j) + p3 * CONSTPAIR(x3 + j));
		if (j <= i)
			g[j] += (a0 * x0[j] + a1 * x1[j]) + (a2 * x2[j] + a3 * x3[j]);
	}
}

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

	for (int first = 0; first < p && ok; first += 4)
	{
		int			n = Min(4, p - first);
		double	   *row[4];
		double		dot[4];

		CHECK_FOR_INTERRUPTS();
		for (int r = 0; r < 4; r++)
			row[r] = l + Tri(first + Min(r, n - 1));
		for (int j = 0; j < first; j++)
		{
			DotFour(l + Tri(j), row, j, dot);
			for (int r = 0; r < n; r++)
				row[r][j] = inverse[j] * (a[Tri(first + r) + j] *
										  scale[first + r] * scale[j] - dot[r]);
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

/* Replace the factor by its inverse, row by row. */
static void
InvertFactor(double *l, int p)
{
	double	   *li = palloc(sizeof(double) * p);

	for (int i = 0; i < p; i++)
	{
		double	   *out = l + Tri(i);
		double		d = out[i];

		CHECK_FOR_INTERRUPTS();
		memcpy(li, out, sizeof(double) * i);
		memset(out, 0, sizeof(double) * (i + 1));
		for (int k = 0; k < i; k++)
			if (li[k] != 0)
				AddMultiple(out, -li[k], l + Tri(k), k + 1);
		for (int k = 0; k < i; k++)
			out[k] /= d;
		out[i] = 1.0 / d;
	}
	pfree(li);
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
		double		weight[4] = {0, 0, 0, 0};
		int			n = Min(first + 4, p);

		CHECK_FOR_INTERRUPTS();
		memset(rows, 0, sizeof(double) * 4 * n);
		for (int i = first; i < n; i++)
		{
			if (dropped[i])
				continue;
			memcpy(rows + (size_t) (i - first) * n, l + Tri(i),
				   sizeof(double) * (i + 1));
			weight[i - first] = 1;
		}
		GramAddFour(inverse, rows, weight, n);
	}
	for (int i = 0; i < p; i++)
		for (int j = 0; j <= i; j++)
			inverse[Tri(i) + j] *= scale[i] * scale[j];
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
