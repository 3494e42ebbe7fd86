/*-------------------------------------------------------------------------
 *
 * folds.h
 *	  The rows of a frame, divided into folds for cross-validation.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_FOLDS_H
#define LEADSCORE_FOLDS_H

#include "frame.h"

#define FOLDS_MAX	1000

typedef enum FoldsBy
{
	FOLDS_BY_HASH = 0,			/* of the row's values, label and number among its equals */
	FOLDS_BY_GROUP,				/* of the value of the column with the role */
	FOLDS_BY_TIME				/* blocks of time, each judged by a model of all before */
} FoldsBy;

typedef struct FoldSplit
{
	FoldsBy		by;
	int			folds;
	uint64		seed;
	uint64	   *key;			/* by hash: per pattern, what its rows are drawn from */
	int		   *block;			/* else per pattern: its fold, or its block of time */
} FoldSplit;

typedef enum FoldSide
{
	FOLD_TRAINED,				/* what a model of the fold learns from */
	FOLD_HELD					/* what it is judged on */
} FoldSide;

/* folds.c: an error where the frame has not what it is to be divided by */
extern FoldSplit *FoldSplitCreate(const Frame *frame, FoldsBy by, int folds, uint64 seed);
/* the rows of each pattern on one side of a fold: 0 … folds - 1 */
extern void FoldCounts(const FoldSplit *s, const Frame *frame, int fold, FoldSide side,
					   uint32 *pos, uint32 *neg);

/* of so many rows of each pattern keep about this share; a larger one keeps them, too */
extern void FoldThin(const FoldSplit *s, const Frame *frame, double share,
					 uint32 *pos, uint32 *neg);

#endif							/* LEADSCORE_FOLDS_H */
