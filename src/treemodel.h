/*-------------------------------------------------------------------------
 *
 * treemodel.h
 *	  Trees as a model: the encoder's design columns are their bins.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_TREEMODEL_H
#define LEADSCORE_TREEMODEL_H


#include "leadscore.h"
#include "tree.h"

/*
 * A feature of the encoder is a column of the trees; its k-th design column is
 * bin k.  An offset is a column with one bin, which nothing splits.
 */
#define TREE_SMALL	256			/* numbers whose bins are remembered */

typedef struct TreeModel
{
	TreeEnsemble *ensemble;
	TreeColumn *columns;		/* per feature */
	int		   *first_design;	/* per feature: the design column of bin 0 */
	int		   *player;			/* per feature: its source */
	TreeTable  *table;			/* NULL until a row is scored */
	MemoryContext cxt;			/* where the model lies */
	int16	   *bins;			/* per feature: of the row at hand */
	uint8	  **of_small;		/* per feature: bins of 0, 1, … or NULL; or NULL */
	double	   *gain;			/* per feature, of all its splits; or NULL */
} TreeModel;

/* treemodel.c */
extern TreeModel *TreeModelCreate(const Encoder *enc, TreeEnsemble *e);
/* the bin of a cell, or TREE_UNKNOWN; an error where the encoder has one */
extern int	TreeModelBin(const Model *model, int feature, const Cell *cell);
/* of bins that stand in model->trees->bins: log-odds, or a forest's probability */
extern void TreeModelMakeSmall(const Model *model);
extern double TreeModelOfBins(const Model *model, double offset);
extern double TreeModelValue(const Model *model, const Cell *cells);
extern double TreeModelContributions(const Model *model, const Cell *cells,
									 double *contribution, double *average);
pg_noreturn extern void RefuseTrees(const char *function);
/* splits per feature */
extern int64 *TreeModelSplits(const Model *model);

static inline bool
ModelIsForest(const Model *model)
{
	return model->trees != NULL && model->trees->ensemble->family == FAMILY_FOREST;
}

/* What a model adds up to, as a probability and as log-odds. */
static inline double
ModelProbability(const Model *model, double value)
{
	return ModelIsForest(model) ? value : Sigmoid(value);
}

extern double ModelLogit(const Model *model, double value);

/* treebytes.c */
extern void TreeModelWrite(StringInfo out, const Model *model);
struct Reader;
extern void TreeModelRead(struct Reader *r, Model *model);

#endif							/* LEADSCORE_TREEMODEL_H */
