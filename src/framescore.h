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

typedef struct FrameScorer FrameScorer;

/* an error names the column that the frame lacks; `model` is from ModelDecode() */
extern FrameScorer *FrameScorerCreate(const Model *model, const Frame *frame);
extern void FrameScorerTerms(const FrameScorer *s, const uint8 *pattern, double *terms);
extern double FrameScorerOfTerms(const FrameScorer *s, const double *terms);
extern double FrameScorerBins(const FrameScorer *s, const uint8 *pattern);
extern double FrameScorerScore(const FrameScorer *s, const uint8 *pattern);

#endif							/* LEADSCORE_FRAMESCORE_H */
