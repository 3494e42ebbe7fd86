/*-------------------------------------------------------------------------
 *
 * inference.c
 *	  What the Hessian at the solution tells: covariance, condition number, and
 *	  from the covariance the generalised variance inflation.
 *
 *-------------------------------------------------------------------------
 */
#include "leadscore.h"

#include <math.h>

#include "miscadmin.h"

#include "logistic.h"

/*
 * M = Σ s² x xᵀ over the single observations, s the derivative of their loss:
 * the middle of the HC0 sandwich.
 */
static void
SandwichMiddle(LogitWork *w, double *middle)
{
	RowCursor	cursor = {0};

	memset(middle, 0, sizeof(double) * Tri(w->p));
	GramBegin(w);
	memset(w->residual, 0, sizeof(double) * DESIGN_BLOCK_ROWS);
	while (NextBlock(w, &cursor))
	{
		const DesignBlock *b = &cursor.block;

		BlockDots(w, b, w->beta, w->eta);
		for (int i = 0; i < b->n; i++)
		{
			double		eta = w->eta[i] + (b->offset ? b->offset[i] : 0);
			double		weight = b->weight ? b->weight[i] : 1;
			double		up = weight * w->options->class_weight[1] * Sigmoid(-eta);
			double		down = weight * w->options->class_weight[0] * Sigmoid(eta);

			w->weight[i] = b->pos[i] * up * up + b->neg[i] * down * down;
		}
		for (int i = b->n; i % DESIGN_LANES != 0; i++)
			w->weight[i] = 0;
		BlockGram(w, b, w->residual, w->weight, middle);
	}
	GramEnd(w, w->trial, middle);
}

/* Write the packed matrix out in full. */
static void
Unpack(double *full, const double *packed, int p)
{
	for (int i = 0; i < p; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j <= i; j++)
			full[(size_t) i * p + j] = full[(size_t) j * p + i] =
				packed[Tri(i) + j];
	}
}

/* cov = B M B, from cov = B and M packed */
static void
Sandwich(double *cov, const double *middle, int p)
{
	double	   *bread = HugeAlloc0((size_t) p * p, sizeof(double));
	double	   *full = HugeAlloc0((size_t) p * p, sizeof(double));
	double	   *row = palloc(sizeof(double) * p);

	memcpy(bread, cov, sizeof(double) * p * p);
	Unpack(full, middle, p);
	for (int i = 0; i < p; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int k = 0; k < p; k++)
			row[k] = Dot(bread + (size_t) i * p, full + (size_t) k * p, p);
		for (int j = 0; j <= i; j++)
			cov[(size_t) i * p + j] = cov[(size_t) j * p + i] =
				Dot(row, bread + (size_t) j * p, p);
	}
	pfree(bread);
	pfree(full);
	pfree(row);
}

/*
 * Covariance and condition from the factored Hessian of `w`; uses up both.
 * Rows and columns of dropped columns are 0.
 */
void
LogitCovariance(LogitWork *w, LogitFit *fit)
{
	int			p = w->p;

	fit->condition = ScaledCondition(w->hessian, w->factor, w->scale,
									 w->dropped, p);
	CholeskyInverse(w->factor, w->scale, w->dropped, w->hessian, p);
	fit->cov = HugeAlloc0((size_t) p * p, sizeof(double));
	Unpack(fit->cov, w->hessian, p);
	if (w->options->robust)
	{
		SandwichMiddle(w, w->hessian);
		Sandwich(fit->cov, w->hessian, p);
	}
}

/*
 * Log determinant of the rows and columns `member` of a full symmetric matrix;
 * NaN where it is not positive definite.
 */
static double
LogDeterminant(const double *full, int m, const int *member, int n)
{
	double	   *a = HugeAlloc0(Tri(n), sizeof(double));
	double	   *l = HugeAlloc0(Tri(n), sizeof(double));
	double	   *scale = palloc(sizeof(double) * Max(n, 1));
	bool	   *dropped = palloc0(sizeof(bool) * Max(n, 1));
	double		sum = 0;

	for (int i = 0; i < n; i++)
		for (int j = 0; j <= i; j++)
			a[Tri(i) + j] = full[(size_t) member[i] * m + member[j]];
	if (CholeskyFactor(l, scale, dropped, NULL, a, n, 0, false))
		for (int i = 0; i < n; i++)
			sum += 2 * (log(l[Tri(i) + i]) - log(scale[i]));
	else
		sum = NAN;
	pfree(a);
	pfree(l);
	pfree(scale);
	pfree(dropped);
	return sum;
}

/*
 * Generalised variance inflation (Fox & Monette 1992) of terms of several
 * columns: det R₁₁ · det R₂₂ / det R, with R the correlations of the coefficients
 * but the intercept's.  By Schur, det R₂₂ / det R is det (R⁻¹)₁₁.
 */
void
LogitGvif(const double *cov, const bool *aliased, int p, int nterms,
		  const int *first, const int *last, double *gvif)
{
	int		   *live = palloc(sizeof(int) * p);	/* column → place, or -1 */
	int		   *member = palloc(sizeof(int) * p);
	double	   *r = HugeAlloc0((size_t) p * p, sizeof(double));
	double	   *a = HugeAlloc0(Tri(p), sizeof(double));
	double	   *l = HugeAlloc0(Tri(p), sizeof(double));
	double	   *inverse = HugeAlloc0((size_t) p * p, sizeof(double));
	double	   *scale = palloc(sizeof(double) * p);
	bool	   *dropped = palloc0(sizeof(bool) * p);
	int			m = 0;
	bool		ok;

	for (int j = 0; j < p; j++)
	{
		live[j] = -1;
		if (j > 0 && !aliased[j] && cov[(size_t) j * p + j] > 0)
		{
			member[m] = j;
			live[j] = m++;
		}
	}
	for (int i = 0; i < m; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < m; j++)
		{
			size_t		ii = member[i];
			size_t		jj = member[j];
			double		c = i == j ? 1 : cov[ii * p + jj] /
			sqrt(cov[ii * p + ii] * cov[jj * p + jj]);

			r[(size_t) i * m + j] = c;
			if (j <= i)
				a[Tri(i) + j] = c;
		}
	}
	ok = CholeskyFactor(l, scale, dropped, NULL, a, m, 0, false);
	if (ok)
	{
		CholeskyInverse(l, scale, dropped, a, m);
		Unpack(inverse, a, m);
	}
	for (int t = 0; t < nterms; t++)
	{
		int			n = 0;

		CHECK_FOR_INTERRUPTS();
		for (int j = first[t]; j <= last[t]; j++)
			if (live[j] >= 0)
				member[n++] = live[j];
		gvif[t] = ok && n > 0 ? exp(LogDeterminant(r, m, member, n) +
									LogDeterminant(inverse, m, member, n)) : NAN;
	}
	pfree(live);
	pfree(member);
	pfree(r);
	pfree(a);
	pfree(l);
	pfree(inverse);
	pfree(scale);
	pfree(dropped);
}
