/*-------------------------------------------------------------------------
 *
 * outofbag.h
 *	  What a forest's trees say of the rows that they have not seen.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_OUTOFBAG_H
#define LEADSCORE_OUTOFBAG_H

#include "fmgr.h"
#include "leadprofile.h"

/* What the model's account says of the draws, and of the quality that they gave. */
typedef struct OutOfBag
{
	int64		seed;
	double		subsample;
	int64		rows;
	double		auc;
	double		log_loss;
} OutOfBag;

extern OutOfBag OutOfBagArgs(FunctionCallInfo fcinfo, int first);
/* an error where the forest was not grown from the frame */
extern NumberCount *OutOfBagScores(Model *model, const Frame *frame,
								   const OutOfBag *said, int64 *n);

#endif							/* LEADSCORE_OUTOFBAG_H */
