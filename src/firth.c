/*-------------------------------------------------------------------------
 *
 * firth.c
 *	  Firth's bias-reduced logistic regression (Heinze & Schemper 2002).
 *
 * Maximised is the log-likelihood plus half the log determinant of the
 * information I.  The score of a row of total weight m gets h (1/2 - p) added,
 * with h = m p (1-p) x' I⁻¹ x its share in the fit; the h add up to p.  The maximum
 * is finite whatever the data.
 *
 * Steps are those of Fisher scoring, I⁻¹ times the modified score.  They
 * converge linearly, at a rate that goes with columns / rows.
 *
 *-------------------------------------------------------------------------
 */
#include "leadscore.h"

#include <math.h>

#include "miscadmin.h"

#include "logistic.h"

#define MAX_HALVINGS	40
#define LARGEST_STEP	5.0		/* of a coefficient, in units of its error */

/*
 * The penalised objective at beta; leaves gradient, Hessian and factor of the
 * likelihood behind.  Infinite where the information cannot be factored.
 */
static double
FirthObjective(LogitWork *w, const double *beta)
{
	double		objective = LogitPass(w, beta);

	if (!CholeskyFactor(w->factor, w->scale, w->dropped, NULL, w->hessian,
						w->p, 1e-15, false))
		return INFINITY;
	for (int j = 0; j < w->p; j++)
		if (!w->dropped[j])
			objective -= log(w->factor[Tri(j) + j]) - log(w->scale[j]);
	return objective;
}

/* x' inverse x of a row of n entries, the intercept included */
static double
QuadraticForm(const int *index, const double *value, int n, const double *inverse)
{
	double		sum = inverse[0];

	for (int k = 0; k < n; k++)
	{
		const double *line = inverse + Tri(index[k]);
		double		part = line[0];

		for (int j = 0; j < k; j++)
			part += line[index[j]] * value[j];
		sum += value[k] * (2 * part + line[index[k]] * value[k]);
	}
	return sum;
}

/* One more pass: add the derivative of the penalty to the gradient. */
static void
AddPenaltyScore(LogitWork *w, const double *beta, const double *inverse)
{
	RowCursor	cursor = {0};

	while (NextBlock(w, &cursor))
	{
		const DesignBlock *b = &cursor.block;

		BlockDots(w, b, beta, w->eta);
		for (int i = 0; i < b->n; i++)
		{
			double		eta = w->eta[i] + (b->offset ? b->offset[i] : 0);
			double		up = Sigmoid(eta);
			double		down = Sigmoid(-eta);
			double		total = w->positives[i] + w->negatives[i];
			int			n;
			double		r;

			if (total == 0)
				continue;
			n = BlockRow(w, b, i);
			r = total * up * down * (up - down) / 2 *
				QuadraticForm(w->row_index, w->row_value, n, inverse);
			w->gradient[0] += r;
			for (int k = 0; k < n; k++)
				w->gradient[w->row_index[k]] += r * w->row_value[k];
		}
	}
}

LogitStop
FirthScoring(LogitWork *w, LogitFit *fit, int max_iterations, double tolerance)
{
	int			p = w->p;
	double	   *inverse = HugeAlloc0(Tri(p), sizeof(double));
	double	   *l = HugeAlloc0(Tri(p), sizeof(double));
	double		objective;
	LogitStop	stop = LOGIT_MAX_ITERATIONS;
	bool		small = false;

	LogitPass(w, w->beta);
	SetUnits(w, 1);
	FindAliased(w);
	for (int j = 0; j < p; j++)
		if (w->dropped[j])
			w->beta[j] = 0;
	objective = FirthObjective(w, w->beta);

	for (int iteration = 1; iteration <= max_iterations && !small; iteration++)
	{
		double		share = 1;
		double		longest = 0;
		double		next = INFINITY;
		double		slack = 1e-12 * (1 + fabs(objective) + w->loss);

		memcpy(l, w->factor, sizeof(double) * Tri(p));
		CholeskyInverse(l, w->scale, w->dropped, inverse, p);
		AddPenaltyScore(w, w->beta, inverse);
		for (int j = 0; j < p; j++)
			w->step[j] = -w->gradient[j];
		CholeskySolve(w->factor, w->scale, w->step, p);
		for (int j = 0; j < p; j++)
			if (w->unit[j] > 0)
				longest = Max(longest, fabs(w->step[j]) / w->unit[j]);
		small = StepSize(w) <= tolerance;

		/* far from the maximum the information is no guide to the curvature */
		if (longest > LARGEST_STEP * sqrt(w->positive + w->negative))
			share = LARGEST_STEP * sqrt(w->positive + w->negative) / longest;
		for (int halvings = 0; halvings <= MAX_HALVINGS; halvings++, share /= 2)
		{
			for (int j = 0; j < p; j++)
				w->trial[j] = w->beta[j] + share * w->step[j];
			next = FirthObjective(w, w->trial);
			if (next <= objective + slack)
				break;
		}
		if (!(next <= objective + slack))
		{
			stop = LOGIT_STALLED;
			objective = FirthObjective(w, w->beta);
			break;
		}
		memcpy(w->beta, w->trial, sizeof(double) * p);
		objective = next;
		fit->history[fit->iterations++] = objective;
		if (small)
			stop = LOGIT_CONVERGED;
	}

	/* the gradient of what was maximised */
	memcpy(l, w->factor, sizeof(double) * Tri(p));
	CholeskyInverse(l, w->scale, w->dropped, inverse, p);
	AddPenaltyScore(w, w->beta, inverse);
	fit->objective = objective;
	pfree(inverse);
	pfree(l);
	return stop;
}
