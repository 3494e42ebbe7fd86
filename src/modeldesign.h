/*-------------------------------------------------------------------------
 *
 * modeldesign.h
 *	  The design of a frame under the encoder of a model that is there already.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_MODELDESIGN_H
#define LEADSCORE_MODELDESIGN_H

#include "fit.h"

typedef struct ModelDesign
{
	DesignSource source;		/* numbers are (x - mean) / sd of the training */
	double	   *beta;			/* the model's coefficients on that scale */
} ModelDesign;

/*
 * The product of a row with beta is the log-odds that the model gives it, less
 * its offset, which the source has.  An error names the column that the frame
 * lacks, or the value that the model refuses; `model` is decoded with its
 * statistics, and both must outlive the design.
 */
extern ModelDesign *ModelDesignCreate(const Model *model, const FrameStats *stats);

#endif							/* LEADSCORE_MODELDESIGN_H */
