/*-------------------------------------------------------------------------
 *
 * treebytes.c
 *	  The trees in a model's bytes: the one encoder, the one decoder.
 *
 * They stand in the scoring part of format 2, in the place of the coefficients:
 *
 *	u8 family (1 forest, 2 boost), f64 base, f64 mean offset, u32 trees, then
 *	every tree in preorder, a node being
 *		0	leaf		f64 value, cover
 *		1	threshold	u16 feature, u8 last bin of the left, u8 NULL goes left
 *		2	set			u16 feature, a bit per bin of the feature: goes left
 *
 * A cover is a whole number of 1 to 8 bytes, seven bits each, the lowest first, bit 7
 * set in all but the last.  Preorder needs no indices, so no bytes can make a
 * circle; what is above a leaf has the cover of the leaves below.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "bytes.h"
#include "treemodel.h"

#define LEAST_TREE_BYTES	10		/* a single leaf */

/* ---- writing ---- */

static void
PutCover(StringInfo out, double cover)
{
	uint64		left = (uint64) cover;

	for (; left > 0x7F; left >>= 7)
		PutU8(out, (left & 0x7F) | 0x80);
	PutU8(out, left);
}

void
TreeModelWrite(StringInfo out, const Model *model)
{
	const TreeEnsemble *e = model->trees->ensemble;

	PutU8(out, e->family);
	PutF64(out, e->base);
	PutF64(out, model->mean_offset);
	PutU32(out, e->ntrees);
	for (int i = 0; i < e->nnodes; i++)
	{
		const TreeNode *node = &e->nodes[i];

		PutU8(out, node->kind);
		if (node->kind == TREE_LEAF)
		{
			PutF64(out, node->value);
			PutCover(out, node->cover);
			continue;
		}
		PutU8(out, node->column & 0xFF);
		PutU8(out, node->column >> 8);
		if (node->kind == TREE_THRESHOLD)
		{
			PutU8(out, node->last);
			PutU8(out, node->null_left);
		}
		else
			appendBinaryStringInfo(out, (const char *) e->sets +
								   (Size) node->set * TREE_SET_BYTES,
								   (model->trees->columns[node->column].nbins + 7) / 8);
	}
}

/* ---- reading ---- */

static double
GetCover(Reader *r)
{
	uint64		cover = 0;
	int			shift = 0;
	uint8		byte;

	do
	{
		byte = GetU8(r);
		cover |= (uint64) (byte & 0x7F) << shift;
		shift += 7;
	} while ((byte & 0x80) && shift < 49);
	if ((byte & 0x80) || cover == 0 || (byte == 0 && shift > 7))
		ReaderFail(r, "A leaf has no valid cover.");
	return (double) cover;
}

/* The set, which may have no bits beyond the bins. */
static void
ReadSet(Reader *r, TreeEnsemble *e, TreeNode *node, int nbins)
{
	int			len = (nbins + 7) / 8;
	const uint8 *bytes = GetBytes(r, len);
	int			set;

	if (bytes == NULL)
		return;
	if (nbins % 8 != 0 && bytes[len - 1] >> (nbins % 8) != 0)
		ReaderFail(r, "A set has a bin that does not exist.");
	set = TreeEnsembleAddSet(e);
	memcpy(e->sets + (Size) set * TREE_SET_BYTES, bytes, len);
	node->set = set;
}

static void
ReadSplit(Reader *r, const Model *model, TreeNode *node)
{
	TreeModel  *t = model->trees;
	const TreeColumn *c;
	int			column = GetU8(r);

	column |= GetU8(r) << 8;
	if (column >= model->encoder->nfeatures)
		ReaderFail(r, "A split is on a feature that does not exist.");
	if (r->why != NULL)
		return;
	node->column = column;
	c = &t->columns[column];
	if (c->ordered != (node->kind == TREE_THRESHOLD))
		ReaderFail(r, "A split does not fit the kind of its feature.");
	else if (node->kind == TREE_SET)
		ReadSet(r, t->ensemble, node, c->nbins);
	else
	{
		uint8		null_left;

		node->last = GetU8(r);
		null_left = GetU8(r);
		if (node->last >= c->nbins || null_left > 1)
			ReaderFail(r, "A split is at a bin that does not exist.");
		node->null_left = null_left;
	}
}

/*
 * A tree.  parent[] are the splits from the root to where we are, right[] the side
 * of each; a leaf completes all whose right side ends with it.
 */
static void
ReadTree(Reader *r, const Model *model)
{
	TreeEnsemble *e = model->trees->ensemble;
	int			parent[TREE_MAX_DEPTH];
	bool		right[TREE_MAX_DEPTH];
	int			nabove = 0,
				first = e->nnodes;

	for (;;)
	{
		int			at = TreeEnsembleAddNode(e);
		TreeNode	node = {0};

		if (e->nnodes % 4096 == 0)
			CHECK_FOR_INTERRUPTS();
		node.kind = GetU8(r);
		if (node.kind > TREE_KIND_LAST)
			ReaderFail(r, "A node is of an unknown kind.");
		if (node.kind == TREE_LEAF)
		{
			node.value = GetFinite(r, "A leaf is not finite.");
			if (fabs(node.value) > TREE_MAX_VALUE ||
				(e->family == FAMILY_FOREST && !(node.value >= 0 && node.value <= 1)))
				ReaderFail(r, "A leaf is out of range.");
			node.cover = GetCover(r);
		}
		else
			ReadSplit(r, model, &node);
		if (r->why != NULL)
			return;
		e->nodes[at] = node;
		if (node.kind != TREE_LEAF)
		{
			if (nabove == TREE_MAX_DEPTH)
			{
				ReaderFail(r, "A tree is too deep.");
				return;
			}
			parent[nabove] = at;
			right[nabove++] = false;
			continue;
		}
		while (nabove > 0 && right[nabove - 1])
		{
			TreeNode   *done = &e->nodes[parent[--nabove]];

			done->cover = done[1].cover + e->nodes[first + done->right].cover;
		}
		if (nabove == 0)
			break;
		right[nabove - 1] = true;
		e->nodes[parent[nabove - 1]].right = e->nnodes - first;
	}
	TreeEnsembleEndTree(e);
}

/* Every level and interval of a feature must be a bin. */
static void
CheckFeature(Reader *r, const Model *model, int i)
{
	const Feature *f = &model->encoder->features[i];

	if (f->kind == FEATURE_NUMBER)
		ReaderFail(r, "A feature of trees is not binned.");
	if (f->kind == FEATURE_OFFSET && model->trees->ensemble->family == FAMILY_FOREST)
		ReaderFail(r, "A forest has an offset.");
	if (model->trees->columns[i].nbins > TREE_MAX_BINS)
		ReaderFail(r, "A feature has too many bins.");
	for (int k = 0; f->kind == FEATURE_LEVELS && k < f->nlevels; k++)
		if (f->levels[k].column < 0)
			ReaderFail(r, "A level of a feature is no bin.");
	for (int k = 0; f->kind == FEATURE_BINS && k <= f->nedges; k++)
		if (f->bin_columns[k] < 0)
			ReaderFail(r, "An interval of a feature is no bin.");
}

/* Everything behind the encoder, in the current context. */
void
TreeModelRead(Reader *r, Model *model)
{
	const Encoder *enc = model->encoder;
	int			family = GetU8(r);
	uint32		ntrees;
	TreeEnsemble *e;

	if (family != FAMILY_FOREST && family != FAMILY_BOOST)
		ReaderFail(r, "The family of the model is unknown.");
	e = TreeEnsembleCreate(family);
	e->base = GetFinite(r, "The base is not finite.");
	model->mean_offset = GetFinite(r, "The mean offset is not finite.");
	model->trees = TreeModelCreate(enc, e);
	if (enc->nfeatures == 0)
		ReaderFail(r, "There are no features.");
	for (int i = 0; i < enc->nfeatures && r->why == NULL; i++)
		CheckFeature(r, model, i);
	ntrees = GetCount(r, TREE_MAX_TREES, LEAST_TREE_BYTES, "There are too many trees.");
	if (r->why == NULL && ntrees == 0)
		ReaderFail(r, "There are no trees.");
	for (uint32 k = 0; k < ntrees && r->why == NULL; k++)
		ReadTree(r, model);
}
