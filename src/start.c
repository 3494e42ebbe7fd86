/*-------------------------------------------------------------------------
 *
 * start.c
 *	  Where Newton's method starts when there are many rows: one pass over ever
 *	  larger parts of them.
 *
 *-------------------------------------------------------------------------
 */
#include "leadscore.h"

#include "logistic.h"

#define SAMPLE_LEAST_ROWS	4000
#define SAMPLE_LEAST_PER_COLUMN 20
#define SAMPLE_TOLERANCE	1e-3
#define SAMPLE_PRIOR_ROWS	4

/*
 * What an average row in which a column is not 0 tells about its coefficient:
 * the mean of the squares, times the curvature of an average row.
 */
static void
RowInformation(LogitWork *w, double *information)
{
	double	   *count = palloc0(sizeof(double) * w->p);
	RowCursor	cursor = {0};
	double		rows = 0;

	memset(information, 0, sizeof(double) * w->p);
	while (NextBlock(w, &cursor))
	{
		const DesignBlock *b = &cursor.block;

		rows += b->n;
		for (int i = 0; i < b->n; i++)
			for (int k = BlockRow(w, b, i) - 1; k >= 0; k--)
			{
				information[w->row_index[k]] += w->row_value[k] * w->row_value[k];
				count[w->row_index[k]] += 1;
			}
	}
	for (int j = 1; j < w->p; j++)
		information[j] = w->hessian[0] / rows *
			(count[j] > 0 ? information[j] / count[j] : 1);
	pfree(count);
}

/* The ridge of a share of the rows, and that of some rows more. */
static void
SampleRidge(const LogitWork *w, const double *information, double share,
			double *ridge)
{
	for (int j = 1; j < w->p; j++)
	{
		double		h = w->hessian[Tri(j) + j];

		ridge[j] = w->options->lambda * share;
		if (h > 0)
			ridge[j] += SAMPLE_PRIOR_ROWS * information[j];
		w->dropped[j] = (h <= 0 && ridge[j] == 0);
	}
}

/*
 * Minimise the sum of the quadratic models that `gradient` (at beta) and
 * `hessian` hold, and the ridge.  Leaves the sum without ridge at its new place.
 */
static void
SolveSample(LogitWork *w, const double *ridge)
{
	double	   *diagonal = palloc(sizeof(double) * w->p);

	for (int j = 0; j < w->p; j++)
	{
		diagonal[j] = w->hessian[Tri(j) + j];
		w->hessian[Tri(j) + j] += ridge[j];
		w->gradient[j] += ridge[j] * w->beta[j];
	}
	HessianFactor(w);
	SolveStep(w);
	for (int j = 0; j < w->p; j++)
	{
		w->beta[j] += w->step[j];
		w->gradient[j] = -ridge[j] * w->beta[j];
		w->hessian[Tri(j) + j] = diagonal[j];
	}
	pfree(diagonal);
}

/* Where the parts of the rows were read, from the first EIGHTH of them on. */
#define EIGHTH		8
#define NPLACES		4

static const double place_rows[NPLACES] = {1, 1, 2, 4}; /* in eighths */

/*
 * Take the step that the curvature of the loss bends: what the quadratic models
 * left out, found on the first eighth of the rows and taken as that of all.
 * `hessian` and `gradient` hold the sum of the models, without the ridge;
 * `place` are the coefficients at which they were made, NPLACES × p.
 */
static void
CorrectStart(LogitWork *w, const double *place, const double *ridge)
{
	double		eta[DESIGN_BLOCK_ROWS];
	double		residual[DESIGN_BLOCK_ROWS];
	double		rest[DESIGN_BLOCK_ROWS];
	const double *no_weight = memset(palloc(sizeof(eta)), 0, sizeof(eta));
	RowCursor	cursor = {0};
	LossSums	sums = {0};

	w->first = 0;
	w->stride = EIGHTH * DESIGN_BLOCK_ROWS;
	GramBegin(w);
	while (NextBlock(w, &cursor))
	{
		const DesignBlock *b = &cursor.block;

		BlockEta(w, b, w->beta);
		memcpy(eta, w->eta, sizeof(eta));
		BlockLoss(b->n, w->eta, w->positives, w->negatives, residual, w->weight, &sums);
		memset(rest, 0, sizeof(rest));
		for (int k = 0; k < NPLACES; k++)
		{
			BlockEta(w, b, place + (size_t) k * w->p);
			BlockLoss(b->n, w->eta, w->positives, w->negatives, w->residual,
					  w->weight, &sums);
			for (int i = 0; i < b->n; i++)
				rest[i] += place_rows[k] * (residual[i] - w->residual[i] -
											w->weight[i] * (eta[i] - w->eta[i]));
		}
		BlockGram(w, b, rest, no_weight, w->hessian);
	}
	GramEnd(w, w->gradient, w->hessian);
	SolveSample(w, ridge);
}

/*
 * A start for the full data in one pass over them, and some over a small part.
 *
 * Newton's method on a sample comes first.  Then a part as large as the sample
 * is read, at the coefficients of the sample, and what it says of the loss (a
 * quadratic model) added to what the sample says; the sum gives better
 * coefficients, with which twice as many rows are read, and so on to the last
 * half.  So most rows are looked at from quite near; the first eighth, which is
 * not, is read once more.
 *
 * In a part a rare level may have one class only, or no row at all.  A ridge
 * that weighs as much as some average rows keeps its coefficient near 0: from
 * there Newton's method finds its way, from beyond the solution it may not.
 */
void
StartFromSamples(LogitWork *w)
{
	int			p = w->p;
	int64		least = Max(SAMPLE_LEAST_ROWS, SAMPLE_LEAST_PER_COLUMN * (int64) p);
	int64		parts = 1;		/* of the size of the first sample */
	int			nplaces = 0;
	double	   *ridge = w->ridge;
	double	   *extra = palloc0(sizeof(double) * p);
	double	   *information = palloc(sizeof(double) * p);
	double	   *place = palloc(sizeof(double) * NPLACES * p);

	while (w->design->nrows / (2 * parts) >= least)
		parts *= 2;

	w->stride = parts * DESIGN_BLOCK_ROWS;
	w->ridge = extra;
	LogitPass(w, w->beta);
	SetUnits(w, 1.0 / parts);
	RowInformation(w, information);
	SampleRidge(w, information, 1.0 / parts, extra);
	Newton(w, NULL, 15, SAMPLE_TOLERANCE);
	for (int j = 0; j < p; j++)
	{
		w->hessian[Tri(j) + j] -= extra[j];
		w->gradient[j] = -extra[j] * w->beta[j];
	}

	for (; parts > 1; parts /= 2)
	{
		if (parts == EIGHTH)
		{
			memcpy(place + (size_t) nplaces++ * p, w->beta, sizeof(double) * p);
			memset(w->gradient, 0, sizeof(double) * p);
			memset(w->hessian, 0, sizeof(double) * Tri(p));
			w->stride = parts * DESIGN_BLOCK_ROWS;
			w->first = 0;
			AddPass(w, w->beta);
			SampleRidge(w, information, 1.0 / parts, extra);
			SolveSample(w, extra);
		}
		if (nplaces > 0)
			memcpy(place + (size_t) nplaces++ * p, w->beta, sizeof(double) * p);
		w->stride = parts * DESIGN_BLOCK_ROWS;
		w->first = w->stride / 2;
		AddPass(w, w->beta);
		SampleRidge(w, information, 2.0 / parts, extra);
		SolveSample(w, parts > 2 ? extra : ridge);
	}
	if (nplaces == NPLACES)
		CorrectStart(w, place, ridge);
	w->first = 0;
	w->stride = DESIGN_BLOCK_ROWS;
	w->ridge = ridge;
	memset(w->dropped, 0, sizeof(bool) * p);
	pfree(extra);
	pfree(information);
	pfree(place);
}
