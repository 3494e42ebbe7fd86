/*-------------------------------------------------------------------------
 *
 * crossval.h
 *	  Arguments that cross-validation and tuning have in common.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_CROSSVAL_H
#define LEADSCORE_CROSSVAL_H

#include "fmgr.h"

#include "folds.h"

extern void RefuseNull(FunctionCallInfo fcinfo, int arg, const char *name);
/* folds integer, seed bigint, folds_by text, from this argument on */
extern FoldSplit *ReadFoldSplit(FunctionCallInfo fcinfo, int arg, const Frame *frame);

#endif							/* LEADSCORE_CROSSVAL_H */
