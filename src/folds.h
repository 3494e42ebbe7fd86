/*-------------------------------------------------------------------------
 *
 * folds.h
 *	  The rows of a frame, divided into folds for cross-validation.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_FOLDS_H
#define LEADSCORE_FOLDS_H

#include "fit.h"

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

/* A model for each fold: what is divided, and the fold at work. */
typedef struct FoldRun
{
	const char *what;			/* "a cross-validation": errors say so */
	const Frame *frame;
	Options    *opt;
	FoldSplit  *split;
	bool		uncalibrated;	/* leave "calibrate" out */
	int			fold;			/* from 0 */
	int64		trained;		/* rows of the fold's model */
} FoldRun;

/* What is done with the rows held out and their model, NULL where there is none. */
typedef void (*FoldJudge) (FoldRun *run, const Model *model, const Frame *held);

/* foldfit.c: `known` are messages that need not be said again, or NULL */
extern void FitFolds(FoldRun *run, FoldJudge judge, const FitMessages *known);

#endif							/* LEADSCORE_FOLDS_H */
