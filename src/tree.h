/*-------------------------------------------------------------------------
 *
 * tree.h
 *	  Trees over binned columns: growing, boosting, averaging, explaining.
 *
 *	bin			a column's values in at most 256 groups, NULL one of them
 *	ordered		a column whose bins are intervals: a split is a threshold
 *	set			the split of any other column: the bins that go left
 *	cover		the training rows (drawn) that a node has seen
 *	margin		what the trees of a boosted model add up to: log-odds
 *
 * All of it is mathematics: bins and counts in, nodes and sums out.  No Datum,
 * no fmgr; only palloc and CHECK_FOR_INTERRUPTS.
 *
 * Sums of gradients are kept as integers of a fixed unit.  They are exact and
 * know no order, and what a child has is what its parent and sibling leave,
 * without a remainder of rounding (the histogram of a child by subtraction).
 *
 * Every draw is a hash of the seed and of what it is drawn for: the tree, the
 * pattern, the row of the pattern.  Patterns stand in the canonical order of
 * the frame, so the same rows draw the same whatever order they came in.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_TREE_H
#define LEADSCORE_TREE_H

#include "leadscore.h"

#define TREE_MAX_BINS		256		/* of a column, that of NULL included */
#define TREE_SET_BYTES		(TREE_MAX_BINS / 8)
#define TREE_MAX_DEPTH		64
#define TREE_MAX_TREES		10000
#define TREE_MAX_VALUE		1e9		/* of a leaf */

typedef enum TreeFamily
{
	FAMILY_LOGISTIC = 0,			/* no trees at all */
	FAMILY_FOREST,
	FAMILY_BOOST
} TreeFamily;

/* Loops over patterns or rows: a few milliseconds between two looks, if that. */
#define TREE_WALK_BLOCK		0x3FFF
#define TREE_CHECK_WALK(i) \
	do { if (((i) & TREE_WALK_BLOCK) == 0) CHECK_FOR_INTERRUPTS(); } while (0)

/* ---- draws ---- */

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014). */
static inline uint64
TreeMix(uint64 x)
{
	x = (x ^ (x >> 30)) * UINT64CONST(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64CONST(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

/* The k-th number that a key draws; it is a key, too. */
static inline uint64
TreeDraw(uint64 key, uint64 k)
{
	return TreeMix(key + (k + 1) * UINT64CONST(0x9e3779b97f4a7c15));
}

/* What a key draws for: streams that must not meet. */
typedef enum TreeStream
{
	STREAM_ROWS = 1,
	STREAM_COLUMNS,
	STREAM_HOLDOUT,
	STREAM_PERMUTATION
} TreeStream;

static inline uint64
TreeKey(uint64 seed, TreeStream stream, uint64 tree)
{
	return TreeDraw(TreeDraw(TreeMix(seed), stream), tree);
}

/* In [0, 1) */
static inline double
TreeUniform(uint64 draw)
{
	return (draw >> 11) * 0x1.0p-53;
}

/* ---- data ---- */

typedef struct TreeColumn
{
	int			nbins;
	int			null_bin;		/* the last one, or -1 */
	bool		ordered;
	int			monotone;		/* -1 falling, 1 rising, 0 as it comes */
	int			most;			/* the bin that most patterns have */
} TreeColumn;

/*
 * Patterns by columns.  Cells in the column's most frequent bin, most of what
 * leads have, need not be visited to count a node: `cells` has the others, row
 * by row, each as the number of its bin among those of all columns.
 */
typedef struct TreeData
{
	int64		n;				/* patterns, less than 2^32 */
	int			ncolumns;
	TreeColumn *columns;
	int		   *first_bin;		/* ncolumns + 1, among the bins of all columns */
	uint8	  **bins;			/* per column, n */
	int64	   *start;			/* n + 1, into cells */
	uint16	   *narrow;			/* the cells, or NULL */
	uint32	   *wide;			/* the cells where there are more than 2^16 bins */
	uint32	   *pos;
	uint32	   *neg;
	double	   *weight;			/* of a row of the pattern, or NULL: all 1 */
	double	   *offset;			/* or NULL: all 0 */
	uint64	   *group;			/* what goes into the held-out part together, or NULL */
	double		class_weight[2];
} TreeData;

/* ---- trees ---- */

typedef enum TreeNodeKind
{
	TREE_LEAF = 0,
	TREE_THRESHOLD,				/* bins up to `last` go left; NULL by `null_left` */
	TREE_SET					/* bins of the set go left */
} TreeNodeKind;

#define TREE_KIND_LAST	TREE_SET

/* In preorder: the left child is the next node. */
typedef struct TreeNode
{
	uint8		kind;
	uint8		last;
	bool		null_left;
	uint16		column;
	int32		right;			/* within the tree */
	int32		set;			/* of TreeEnsemble.sets */
	double		value;			/* leaf */
	double		cover;
	double		gain;			/* of a split, when it was grown; not stored */
} TreeNode;

typedef struct TreeEnsemble
{
	TreeFamily	family;
	double		base;			/* boost: where every margin begins */
	int			ntrees;
	int			trees_room;
	int		   *first;			/* ntrees + 1, into nodes */
	int			nnodes;
	int			nodes_room;
	TreeNode   *nodes;
	int			nsets;
	int			sets_room;
	uint8	   *sets;			/* TREE_SET_BYTES each */
} TreeEnsemble;

static inline bool
TreeSetHas(const uint8 *set, int bin)
{
	return (set[bin >> 3] >> (bin & 7)) & 1;
}

static inline bool
TreeGoesLeft(const TreeEnsemble *e, const TreeNode *node,
			 const TreeColumn *columns, int bin)
{
	if (node->kind == TREE_SET)
		return TreeSetHas(e->sets + (Size) node->set * TREE_SET_BYTES, bin);
	if (bin == columns[node->column].null_bin)
		return node->null_left;
	return bin <= node->last;
}

extern TreeEnsemble *TreeEnsembleCreate(TreeFamily family);
extern int	TreeEnsembleAddNode(TreeEnsemble *e);
extern int	TreeEnsembleAddSet(TreeEnsemble *e);
extern void TreeEnsembleEndTree(TreeEnsemble *e);
extern int	TreeDepth(const TreeNode *first, int node);

/* ---- treegrow.c: one tree ---- */

typedef struct TreeSum
{
	int64		g;				/* of gradients */
	int64		h;				/* of second derivatives */
	int64		n;				/* of rows that count */
} TreeSum;

/* A pattern while trees are grown: 32 bytes, which lie in one line of the cache. */
typedef struct TreeRow
{
	TreeSum		sum;
	uint64		cells;			/* where its cells begin << 16, and how many */
} TreeRow;

#define TREE_ROW_START(row)	((row)->cells >> 16)
#define TREE_ROW_CELLS(row)	((int) ((row)->cells & 0xFFFF))

typedef struct TreeGrowth
{
	int			depth;
	int			leaves;			/* grown best first; 0: no limit but depth */
	int			min_leaf;
	double		lambda;
	double		min_gain;
	bool		centred;		/* gains from the node's mean, as a forest has them */
	int			mtry;			/* columns looked at for a split; 0: all */
	double		rate;			/* what leaves are multiplied by */
} TreeGrowth;

typedef struct TreeGrower TreeGrower;

/* The rows of a leaf of the tree just grown. */
typedef struct TreeLeafRows
{
	int			node;			/* in the tree */
	const uint32 *rows;
	int64		n;
} TreeLeafRows;

extern TreeGrower *TreeGrowerCreate(const TreeData *data, const TreeGrowth *growth);
/* sums per pattern, to be filled before a tree is grown; n = 0 leaves it out */
extern TreeRow *TreeGrowerRows(TreeGrower *g);
/*
 * Grow a tree into the ensemble.  `unit`: what 1 in the sums stands for.
 * `use`: per column, or NULL for all.  Returns false where not even one split
 * gains; the tree is a leaf then.
 */
extern bool TreeGrow(TreeGrower *g, TreeEnsemble *e, uint64 key,
					 const double unit, const bool *use);
extern int	TreeGrowerLeaves(const TreeGrower *g, const TreeLeafRows **leaves,
							 bool *all);

/* ---- trees on patterns (treedata.c) ---- */

/* the leaf of a pattern in a tree */
extern double TreePatternValue(const TreeEnsemble *e, int tree,
							   const TreeData *data, int64 row);
extern void TreeDataIndex(TreeData *data);

/* The rows of one class that a sample takes of a pattern's n rows. */
extern uint32 TreeSampleRows(uint64 key, uint32 n, double share);
extern uint64 TreePatternKey(uint64 key, int64 row, int positive);

/* ---- forest.c, boost.c: many ---- */

typedef struct TreeQuality
{
	int64		rows;
	double		auc;
	double		log_loss;
	double		brier;
} TreeQuality;

typedef struct ForestOptions
{
	int			trees;
	double		subsample;		/* rows drawn for a tree, with replacement */
	uint64		seed;
	bool		correct;		/* leaves are shares without the class weights */
	int			workers;		/* parallel workers that may help */
	TreeGrowth	growth;
	void		(*report) (int tree, int64 rows);
} ForestOptions;

typedef struct ForestFit
{
	TreeEnsemble *trees;
	TreeQuality oob;
} ForestFit;

extern ForestFit *ForestGrow(const TreeData *data, const ForestOptions *o);
/* told of every row with votes, pattern by pattern, its positives first */
typedef void (*ForestRowSink) (void *sink, bool positive, double score);
/*
 * The out-of-bag scores of a forest that was grown from these data with these
 * options, of which it needs trees, subsample and seed.
 */
extern void ForestOutOfBag(const TreeEnsemble *e, const TreeData *data,
						   const ForestOptions *o, ForestRowSink tell, void *sink);

typedef struct BoostOptions
{
	int			trees;
	double		subsample;		/* rows of a tree, without replacement */
	double		colsample;		/* columns of a tree */
	int			early_stopping; /* trees without an improvement; 0: off */
	double		holdout;
	uint64		seed;
	double		prior_correction;
	TreeGrowth	growth;
	void		(*report) (int tree, int64 rows);
} BoostOptions;

typedef struct BoostFit
{
	TreeEnsemble *trees;
	int			grown;			/* before those after the best were dropped */
	bool		has_holdout;
	TreeQuality holdout;		/* at the best tree */
} BoostFit;

/* NULL where nothing is held out to stop by, or one class alone is left. */
extern BoostFit *BoostGrow(const TreeData *data, const BoostOptions *o);

/* scores of rows, one each, by label */
extern void TreeQualityOf(const double *neg, int64 nneg, const double *pos,
						  int64 npos, TreeQuality *q);

/* ---- treescore.c, treeshap.c ---- */

#define TREE_UNKNOWN	(-1)	/* instead of a bin: nothing learnt, so both ways */

typedef struct TreeTable TreeTable;

extern TreeTable *TreeTableCreate(const TreeEnsemble *e, const TreeColumn *columns,
								  int ncolumns);
/* what the trees say of a row: the margin without offset, or the probability */
extern double TreeTableValue(const TreeTable *t, const int16 *bins);

/*
 * Exact path-dependent Shapley values (Lundberg, Erion, Lee 2018).
 * player[c] is whose a column is; phi gets the sum per player on top of what is
 * there.  Returns what the trees say of the average row.
 */
extern double TreeShapley(const TreeEnsemble *e, const TreeColumn *columns,
						  const int *player, const int16 *bins, int nplayers,
						  double *phi);

#endif							/* LEADSCORE_TREE_H */
