/*-------------------------------------------------------------------------
 *
 * framescore.h
 *	  The patterns of a frame, scored.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_FRAMESCORE_H
#define LEADSCORE_FRAMESCORE_H

#include "frame.h"

/* A feature of the model and the column of the frame that it is made of. */
typedef struct FrameTerm
{
	const FrameColumn *column;
	const Feature *feature;
	double	   *of_code;		/* dictionaries: [0] NULL, [k] the k-th value */
	double		average;		/* what the average lead gets */
} FrameTerm;

/* Model and features are copies: a frame's cells are parts of times already. */
typedef struct FrameScorer
{
	Model		model;
	Encoder		encoder;
	int			nterms;
	FrameTerm  *terms;			/* in the order of the features */
	double	   *row;			/* terms of the pattern at hand */
} FrameScorer;

/* an error names the column that the frame lacks; `model` is from ModelDecode() */
extern FrameScorer *FrameScorerCreate(const Model *model, const Frame *frame);
/* what each feature of a pattern adds, or its bin under a model of trees */
extern void FrameScorerTerms(const FrameScorer *s, const uint8 *pattern, double *terms);
extern double FrameScorerOfTerms(const FrameScorer *s, const double *terms);
extern double FrameScorerBins(const FrameScorer *s, const uint8 *pattern);
extern double FrameScorerScore(const FrameScorer *s, const uint8 *pattern);
/* the score of a line; `contribution` gets what each source adds above the average lead */
extern double FrameScorerContributions(const FrameScorer *s, const uint8 *pattern,
									   double *contribution);

/* judge.c: the scores of all rows */
extern double *FrameScoresAlloc(const Frame *frame, bool label);
extern void FrameScorePairs(const Model *model, const Frame *frame, double *pos, double *neg);
extern struct Ties *FrameTies(const Model *model, const Frame *frame);

#endif							/* LEADSCORE_FRAMESCORE_H */
