/*-------------------------------------------------------------------------
 *
 * treemodel.c
 *	  From the cells of a row to what a model of trees says of it.
 *
 * FeaturePlace() decides where a cell falls, as it does for the line; the place
 * among the feature's design columns is the bin.  Where training has learnt
 * nothing of a value, the splits on its column count both ways by their cover:
 * the lead counts as the average lead there.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "treemodel.h"

/* In the current context; the encoder has its design columns numbered. */
TreeModel *
TreeModelCreate(const Encoder *enc, TreeEnsemble *e)
{
	TreeModel  *m = palloc0(sizeof(TreeModel));
	int			n = Max(enc->nfeatures, 1);

	m->ensemble = e;
	m->cxt = CurrentMemoryContext;
	m->columns = palloc0(sizeof(TreeColumn) * n);
	m->first_design = palloc0(sizeof(int) * n);
	m->player = palloc0(sizeof(int) * n);
	m->bins = palloc0(sizeof(int16) * n);
	for (int j = enc->ncolumns - 1; j >= 1; j--)
	{
		m->first_design[enc->design[j].feature] = j;
		m->columns[enc->design[j].feature].nbins++;
	}
	for (int i = 0; i < enc->nfeatures; i++)
	{
		const Feature *f = &enc->features[i];
		TreeColumn *c = &m->columns[i];

		m->player[i] = f->source;
		c->nbins = Max(c->nbins, 1);
		c->ordered = (f->kind != FEATURE_LEVELS);
		c->null_bin = f->kind == FEATURE_BINS && f->null_column >= 0 ? c->nbins - 1 : -1;
	}
	return m;
}

int
TreeModelBin(const Model *model, int feature, const Cell *cell)
{
	const Feature *f = &model->encoder->features[feature];
	double		value;
	int			column = FeaturePlace(model, f, cell, &value);

	if (column == DESIGN_ERROR)
	{
		FeatureEntries entries;

		FeatureEncode(model->encoder, f, cell, &entries);	/* raises the error */
	}
	return column >= 0 ? column - model->trees->first_design[feature] : TREE_UNKNOWN;
}

/*
 * The bins of small whole numbers, which most numbers of leads are: worth their
 * making where many rows are to come.
 */
void
TreeModelMakeSmall(const Model *model)
{
	TreeModel  *t = model->trees;
	const Encoder *enc = model->encoder;
	MemoryContext old;

	if (t->of_small != NULL)
		return;
	old = MemoryContextSwitchTo(t->cxt);
	t->of_small = palloc0(sizeof(uint8 *) * Max(enc->nfeatures, 1));
	for (int i = 0; i < enc->nfeatures; i++)
	{
		Cell		cell = {.type = CELL_INT4};

		if (enc->features[i].kind != FEATURE_BINS)
			continue;
		t->of_small[i] = palloc(TREE_SMALL);
		for (int x = 0; x < TREE_SMALL; x++)
		{
			cell.number = x;
			t->of_small[i][x] = TreeModelBin(model, i, &cell);
		}
	}
	MemoryContextSwitchTo(old);
}

double
TreeModelOfBins(const Model *model, double offset)
{
	TreeModel  *t = model->trees;

	if (t->table == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(t->cxt);

		t->table = TreeTableCreate(t->ensemble, t->columns, model->encoder->nfeatures);
		MemoryContextSwitchTo(old);
	}
	return TreeTableValue(t->table, t->bins) + offset;
}

/* The bins of a row; returns its offset. */
static double
PlaceRow(const Model *model, const Cell *cells)
{
	const Encoder *enc = model->encoder;
	double		offset = 0;

	for (int i = 0; i < enc->nfeatures; i++)
	{
		const Feature *f = &enc->features[i];
		double		term = PlacedTerm(model, f, &cells[f->source]);

		if (f->kind == FEATURE_OFFSET)
			offset += term;
		else
			model->trees->bins[i] = (int16) term;
	}
	return offset;
}

double
TreeModelValue(const Model *model, const Cell *cells)
{
	return TreeModelOfBins(model, PlaceRow(model, cells));
}

/*
 * What each source adds to what the trees say of the average lead, and that:
 * together what they say of this one.
 */
double
TreeModelContributions(const Model *model, const Cell *cells,
					   double *contribution, double *average)
{
	const Encoder *enc = model->encoder;
	const TreeModel *t = model->trees;
	double		offset = PlaceRow(model, cells),
				sum;

	for (int i = 0; i < enc->nsources; i++)
		contribution[i] = 0;
	*average = TreeShapley(t->ensemble, t->columns, t->player, t->bins,
						   enc->nsources, contribution) + model->mean_offset;
	for (int i = 0; i < enc->nfeatures; i++)
		if (enc->features[i].kind == FEATURE_OFFSET)
			contribution[enc->features[i].source] += offset - model->mean_offset;
	sum = *average;
	for (int i = 0; i < enc->nsources; i++)
		sum += contribution[i];
	return sum;
}

int64 *
TreeModelSplits(const Model *model)
{
	const TreeEnsemble *e = model->trees->ensemble;
	int64	   *splits = palloc0(sizeof(int64) * Max(model->encoder->nfeatures, 1));

	for (int i = 0; i < e->nnodes; i++)
		if (e->nodes[i].kind != TREE_LEAF)
			splits[e->nodes[i].column]++;
	return splits;
}

/* What only a line can answer. */
void
RefuseTrees(const char *function)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s() needs a logistic regression", function),
			 errdetail("This is a model of trees, which have no coefficients."),
			 errhint("See lead_importance() for what its columns matter, lead_explain() for a lead.")));
}

/* A forest that is certain has infinite log-odds. */
double
ModelLogit(const Model *model, double value)
{
	return ModelIsForest(model) ? log(value) - log1p(-value) : value;
}
