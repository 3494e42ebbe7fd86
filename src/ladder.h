/*-------------------------------------------------------------------------
 *
 * ladder.h
 *	  How much of a model is to be updated: design rows in, a step out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_LADDER_H
#define LEADSCORE_LADDER_H

#include "leadscore.h"

typedef enum LadderStep
{
	STEP_KEEP = 0,				/* the model as it is */
	STEP_INTERCEPT,				/* log-odds a + lp */
	STEP_SLOPE,					/* log-odds a + b lp */
	STEP_FULL					/* all coefficients anew */
} LadderStep;

#define LADDER_STEPS	4

typedef struct Recalibration
{
	double		intercept;		/* a */
	double		slope;			/* b */
	double		log_likelihood;
	bool		constant;		/* lp does not vary: b is 1 as it cannot be told */
	bool		separated;		/* no finite maximum: a and b run away */
} Recalibration;

typedef struct Ladder
{
	double		log_likelihood[LADDER_STEPS];
	double		p[LADDER_STEPS];	/* of the full refit against each; [STEP_FULL] 1 */
	int			df_full;		/* coefficients that can be told */
	bool		separated;		/* the full refit has a supremum only */
	LadderStep	step;
	Recalibration update;		/* of the step; of STEP_FULL nothing */
} Ladder;

/* beta: the model's coefficients on the scale of the design */
extern double LogLikelihoodOf(const DesignSource *design, const double *beta);
extern void Recalibrate(const DesignSource *design, const double *beta,
						LadderStep step, Recalibration *r);
extern void ClimbLadder(const DesignSource *design, const double *beta, double alpha,
						Ladder *ladder);

#endif							/* LEADSCORE_LADDER_H */
