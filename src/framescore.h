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
extern double FrameScorerScore(const FrameScorer *s, const uint8 *pattern);
/* the score; `contribution` gets what each source adds above the average lead */
extern double FrameScorerContributions(const FrameScorer *s, const uint8 *pattern,
									   double *contribution);

#endif							/* LEADSCORE_FRAMESCORE_H */
