/*-------------------------------------------------------------------------
 *
 * ladder.c
 *	  A closed testing procedure for updating a model: keep it, move its
 *	  intercept, stretch its log-odds as well, or estimate all anew.
 *
 * Vergouwe, Nieboer, Oostenbrink, Debray, Murray, Kattan, Koffijberg, Moons and
 * Steyerberg (2017), A closed testing procedure to select an appropriate method
 * for updating prediction models, Statistics in Medicine 36:4529-4539.
 *
 * The four are nested, with p coefficients that the new rows can tell:
 *
 *	keep		lp					no parameter
 *	intercept	a + lp				1
 *	slope		a + b lp			2
 *	full		x'β					p
 *
 * The full refit is tested against each of the others in turn by its likelihood
 * ratio, on p, p - 1 and p - 2 degrees of freedom, and the first that it does
 * not beat is taken.  So the model is changed with probability alpha at most
 * where nothing has changed, and what is too little is not taken for enough.
 * lp is the log-odds without the offset, which all four have.
 *
 * Where the classes are separated a likelihood has no maximum; the ratio is that
 * of its supremum.
 *
 *-------------------------------------------------------------------------
 */
#include "leadscore.h"

#include <math.h>

#include "miscadmin.h"

#include "distance.h"
#include "ladder.h"

/* The rows of a design with lp as their only column, or as a part of the offset. */
typedef struct ScoreRows
{
	const DesignSource *rows;
	const double *beta;
	bool		as_offset;
	double		score[DESIGN_BLOCK_ROWS];
	double		offset[DESIGN_BLOCK_ROWS];
	int			start[DESIGN_BLOCK_ROWS + 1];	/* no entries: all 0 */
} ScoreRows;

static const int score_column[] = {1};

static void
LinearPredictors(const DesignSource *design, const DesignBlock *b, const double *beta,
				 double *lp)
{
	for (int i = 0; i < b->n; i++)
	{
		double		sum = beta[0];

		for (int k = 0; k < design->ndense; k++)
			sum += b->dense[(size_t) k * DESIGN_BLOCK_ROWS + i] *
				beta[design->dense_column[k]];
		for (int k = b->start[i]; k < b->start[i + 1]; k++)
			sum += b->value[k] * beta[b->index[k]];
		lp[i] = sum;
	}
}

static void
FillScores(void *arg, int64 first, int n, DesignBlock *block)
{
	ScoreRows  *s = arg;

	s->rows->fill(s->rows->arg, first, n, block);
	memset(s->score, 0, sizeof(s->score));
	LinearPredictors(s->rows, block, s->beta, s->score);
	if (s->as_offset)
	{
		for (int i = 0; i < n; i++)
			s->offset[i] = s->score[i] + (block->offset ? block->offset[i] : 0);
		for (int i = n; i % DESIGN_LANES != 0; i++)
			s->offset[i] = 0;
		block->offset = s->offset;
	}
	block->dense = s->score;
	block->start = s->start;
	block->index = NULL;
	block->value = NULL;
}

static LogitFit *
Climb(const DesignSource *design)
{
	LogitOptions options = {0};

	options.class_weight[0] = options.class_weight[1] = 1;
	options.supremum = true;
	return LogitSolve(design, &options);
}

double
LogLikelihoodOf(const DesignSource *design, const double *beta)
{
	double		sum = 0;
	double		lp[DESIGN_BLOCK_ROWS];

	for (int64 first = 0; first < design->nrows; first += DESIGN_BLOCK_ROWS)
	{
		DesignBlock b = {0};

		CHECK_FOR_INTERRUPTS();
		design->fill(design->arg, first,
					 (int) Min(design->nrows - first, DESIGN_BLOCK_ROWS), &b);
		LinearPredictors(design, &b, beta, lp);
		for (int i = 0; i < b.n; i++)
		{
			double		eta = lp[i] + (b.offset ? b.offset[i] : 0);

			sum -= (b.weight ? b.weight[i] : 1) *
				(b.pos[i] * Log1pExp(-eta) + b.neg[i] * Log1pExp(eta));
		}
	}
	return sum;
}

/* step: STEP_INTERCEPT or STEP_SLOPE */
void
Recalibrate(const DesignSource *design, const double *beta, LadderStep step,
			Recalibration *r)
{
	bool		slope = (step == STEP_SLOPE);
	ScoreRows  *rows = palloc0(sizeof(ScoreRows));
	DesignSource scores = *design;
	LogitFit   *fit;

	rows->rows = design;
	rows->beta = beta;
	rows->as_offset = !slope;
	scores.ncolumns = slope ? 2 : 1;
	scores.ndense = slope ? 1 : 0;
	scores.dense_column = score_column;
	scores.has_offset = design->has_offset || !slope;
	scores.fill = FillScores;
	scores.arg = rows;
	fit = Climb(&scores);

	r->constant = slope && fit->aliased[1];
	if (r->constant)
	{
		Recalibrate(design, beta, STEP_INTERCEPT, r);
		r->constant = true;
		return;
	}
	r->intercept = fit->beta[0];
	r->slope = slope ? fit->beta[1] : 1;
	r->log_likelihood = fit->log_likelihood;
	r->separated = fit->stop == LOGIT_SEPARATED;
}

/* The full refit, of df more parameters, against a smaller one. */
static double
RatioTest(double full, double smaller, int df)
{
	return df > 0 ? ChiSquareTail(2 * Max(full - smaller, 0), df) : 1;
}

void
ClimbLadder(const DesignSource *design, const double *beta, double alpha, Ladder *ladder)
{
	Recalibration updates[LADDER_STEPS] = {{0}};
	LogitFit   *full;

	memset(ladder, 0, sizeof(*ladder));
	updates[STEP_KEEP].slope = 1;
	updates[STEP_KEEP].log_likelihood = LogLikelihoodOf(design, beta);
	Recalibrate(design, beta, STEP_INTERCEPT, &updates[STEP_INTERCEPT]);
	Recalibrate(design, beta, STEP_SLOPE, &updates[STEP_SLOPE]);
	full = Climb(design);
	ladder->separated = full->stop == LOGIT_SEPARATED;
	ladder->df_full = design->ncolumns - full->naliased;
	updates[STEP_FULL].log_likelihood = full->log_likelihood;

	ladder->step = STEP_FULL;
	ladder->p[STEP_FULL] = 1;
	for (int step = STEP_SLOPE; step >= STEP_KEEP; step--)
	{
		int			parameters = step == STEP_SLOPE && updates[step].constant ? 1 : step;

		ladder->p[step] = RatioTest(full->log_likelihood, updates[step].log_likelihood,
									ladder->df_full - parameters);
		/* log-odds turned round or run away are no update, however well they fit */
		if (ladder->p[step] >= alpha && updates[step].slope > 0 && !updates[step].separated)
			ladder->step = step;
	}
	for (int step = 0; step < LADDER_STEPS; step++)
		ladder->log_likelihood[step] = updates[step].log_likelihood;
	ladder->update = updates[ladder->step];
}
