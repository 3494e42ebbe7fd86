/*-------------------------------------------------------------------------
 *
 * separation.c
 *	  Prove that a maximum likelihood estimate does not exist.
 *
 * It does not when some direction d has x·d >= 0 on every positive row and
 * x·d <= 0 on every negative one, without being 0 on all (Albert & Anderson
 * 1984): along d the likelihood rises for ever.  One pass over the rows checks
 * a direction, and then it is a proof, wherever the direction came from.
 *
 * Candidates come from a fit that runs away.  Its Newton steps tend to such a
 * direction: about 1 or more on rows that are separated, less and less on the
 * others.  So the step is taken as it is with small components cleared, and
 * once more projected on what leaves those other rows exactly alone.  Next to
 * that, single columns (a level of one class), and the coefficients themselves,
 * which classify without error once the separation is complete.
 *
 *-------------------------------------------------------------------------
 */
#include "leadscore.h"

#include <math.h>

#include "miscadmin.h"

#include "logistic.h"

#define PROOF_TOLERANCE		1e-9	/* of Σ |x d|, what x·d may be off */
#define SEPARATED_STEP		0.3	/* of a Newton step, on the linear predictor */

/* In the order of preference: few columns before many. */
static const double step_threshold[] = {0.3, 0.1, 0.01, 1e-3, 1e-5};
static const double beta_threshold[] = {0.1, 0.01, 1e-3, 0};

#define NSTEP		lengthof(step_threshold)
#define NBETA		lengthof(beta_threshold)
#define NCANDIDATES	(1 + 2 * NSTEP + NBETA)

/* What single columns do on the rows of a class. */
#define UP_ON_POSITIVE		1
#define DOWN_ON_POSITIVE	2
#define UP_ON_NEGATIVE		4
#define DOWN_ON_NEGATIVE	8

/* The largest |x·step| of rows with weight. */
static double
LargestStep(LogitWork *w)
{
	RowCursor	cursor = {0};
	double		largest = 0;

	while (NextBlock(w, &cursor))
	{
		BlockDots(w, &cursor.block, w->step, w->eta);
		for (int i = 0; i < cursor.block.n; i++)
			if (w->positives[i] + w->negatives[i] > 0)
				largest = Max(largest, fabs(w->eta[i]));
	}
	return largest;
}

/*
 * One pass: the range of each column, the classes it moves, and the Gram matrix
 * of the rows that the step hardly moves.  All are 0 to begin with.
 */
static void
LookAtRows(LogitWork *w, double *range, uint8 *moves, double *gram)
{
	RowCursor	cursor = {0};
	double		cut = SEPARATED_STEP * Min(1.0, LargestStep(w));

	memset(w->residual, 0, sizeof(double) * DESIGN_BLOCK_ROWS);
	GramBegin(w);
	range[0] = 1;
	while (NextBlock(w, &cursor))
	{
		const DesignBlock *b = &cursor.block;

		BlockDots(w, b, w->step, w->eta);
		for (int i = 0; i < b->n; i++)
		{
			double		positive = w->positives[i];
			double		negative = w->negatives[i];
			int			n = BlockRow(w, b, i);

			w->weight[i] = positive + negative > 0 && fabs(w->eta[i]) < cut;
			for (int k = 0; k < n; k++)
			{
				int			j = w->row_index[k];
				double		x = w->row_value[k];

				if (positive + negative == 0 || x == 0)
					continue;
				range[j] = Max(range[j], fabs(x));
				if (positive > 0)
					moves[j] |= x > 0 ? UP_ON_POSITIVE : DOWN_ON_POSITIVE;
				if (negative > 0)
					moves[j] |= x > 0 ? UP_ON_NEGATIVE : DOWN_ON_NEGATIVE;
			}
		}
		for (int i = b->n; i % DESIGN_LANES != 0; i++)
			w->weight[i] = 0;
		BlockGram(w, b, w->residual, w->weight, gram);
	}
	GramEnd(w, w->trial, gram);
}

/* direction = source without what is small next to its largest component */
static void
Threshold(double *direction, const double *source, const double *range,
		  double threshold, bool keep_intercept, int p)
{
	double		largest = 0;

	for (int j = 0; j < p; j++)
		largest = Max(largest, fabs(source[j]) * range[j]);
	for (int j = 0; j < p; j++)
	{
		bool		keep = fabs(source[j]) * range[j] > threshold * largest ||
			(j == 0 && keep_intercept);

		direction[j] = keep ? source[j] : 0;
	}
}

/*
 * Remove from `direction` what moves the rows of the Gram matrix: inverse
 * iteration towards its null space.  Uses up `gram`.
 */
static void
ProjectAway(double *direction, double *gram, const double *range, int p)
{
	const double small = 1e-10;
	double	   *factor = HugeAlloc0(Tri(p), sizeof(double));
	double	   *scale = palloc(sizeof(double) * p);
	double	   *unit = palloc(sizeof(double) * p);
	bool	   *dropped = palloc0(sizeof(bool) * p);

	for (int j = 0; j < p; j++)
	{
		double		g = gram[Tri(j) + j];

		unit[j] = g > 0 ? 1 / sqrt(g) : 1 / Max(range[j], 1e-300);
		direction[j] /= unit[j];
	}
	for (int i = 0; i < p; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j <= i; j++)
			gram[Tri(i) + j] *= unit[i] * unit[j];
		gram[Tri(i) + i] += small;
	}
	if (CholeskyFactor(factor, scale, dropped, NULL, gram, p, 1e-16, false))
		for (int k = 0; k < 4; k++)
		{
			CholeskySolve(factor, scale, direction, p);
			for (int j = 0; j < p; j++)
				direction[j] *= small;
		}
	for (int j = 0; j < p; j++)
		direction[j] *= unit[j];
	pfree(factor);
	pfree(scale);
	pfree(unit);
	pfree(dropped);
}

/* Columns that separate alone; their sum does as well. */
static void
SingleColumns(double *direction, const uint8 *moves, const bool *dropped, int p)
{
	for (int j = 1; j < p; j++)
	{
		direction[j] = 0;
		if (dropped[j] || moves[j] == 0)
			continue;
		if (!(moves[j] & (DOWN_ON_POSITIVE | UP_ON_NEGATIVE)))
			direction[j] = 1;
		else if (!(moves[j] & (UP_ON_POSITIVE | DOWN_ON_NEGATIVE)))
			direction[j] = -1;
	}
}

/*
 * Check the directions in one pass.  Returns the one that separates the most
 * rows, or -1; *full says whether it separates all.
 */
static int
Prove(LogitWork *w, const double *candidate, int n, bool *full)
{
	int64		separated[NCANDIDATES] = {0};
	bool		fails[NCANDIDATES] = {0};
	RowCursor	cursor = {0};
	int64		rows = 0;
	int			best = -1;

	while (NextBlock(w, &cursor))
	{
		const DesignBlock *b = &cursor.block;

		for (int i = 0; i < b->n; i++)
		{
			double		positive = w->positives[i];
			double		negative = w->negatives[i];
			int			entries;

			if (positive + negative == 0)
				continue;
			entries = BlockRow(w, b, i);
			rows++;
			for (int c = 0; c < n; c++)
			{
				const double *d = candidate + (size_t) c * w->p;
				double		sum = d[0];
				double		size = fabs(d[0]);

				if (fails[c])
					continue;
				for (int k = 0; k < entries; k++)
				{
					double		term = w->row_value[k] * d[w->row_index[k]];

					sum += term;
					size += fabs(term);
				}
				if (fabs(sum) <= PROOF_TOLERANCE * size)
					continue;
				if ((positive > 0 && sum < 0) || (negative > 0 && sum > 0))
					fails[c] = true;
				separated[c]++;
			}
		}
	}
	for (int c = 0; c < n; c++)
		if (!fails[c] && separated[c] > (best < 0 ? 0 : separated[best]))
			best = c;
	*full = best >= 0 && separated[best] == rows;
	return best;
}

/*
 * Is there a proof of separation in the last step of an unpenalised fit?  Then
 * the direction is in `fit`, its largest component 1 in size.
 */
bool
FindSeparation(LogitWork *w, LogitFit *fit)
{
	int			p = w->p;
	double	   *candidate = HugeAlloc0((size_t) NCANDIDATES * p, sizeof(double));
	double	   *gram = HugeAlloc0(Tri(p), sizeof(double));
	double	   *range = palloc0(sizeof(double) * p);
	uint8	   *moves = palloc0(p);
	double	   *next = candidate + p;
	double		largest = 0;
	int			best;

	LookAtRows(w, range, moves, gram);
	SingleColumns(candidate, moves, w->dropped, p);
	for (int t = 0; t < NSTEP; t++, next += p)
		Threshold(next, w->step, range, step_threshold[t], false, p);
	memcpy(w->trial, w->step, sizeof(double) * p);
	ProjectAway(w->trial, gram, range, p);
	for (int t = 0; t < NSTEP; t++, next += p)
		Threshold(next, w->trial, range, step_threshold[t], false, p);
	for (int t = 0; t < NBETA; t++, next += p)
		Threshold(next, w->beta, range, beta_threshold[t], true, p);

	best = Prove(w, candidate, NCANDIDATES, &fit->full_separation);
	if (best >= 0)
	{
		const double *d = candidate + (size_t) best * p;

		fit->direction = palloc(sizeof(double) * p);
		for (int j = 0; j < p; j++)
			largest = Max(largest, fabs(d[j]));
		for (int j = 0; j < p; j++)
			fit->direction[j] = d[j] / largest;
	}
	pfree(candidate);
	pfree(gram);
	pfree(range);
	pfree(moves);
	return best >= 0;
}
