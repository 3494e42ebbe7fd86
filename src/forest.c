/*-------------------------------------------------------------------------
 *
 * forest.c
 *	  Random forests: trees of rows drawn anew, averaged (Breiman 2001).
 *
 * A tree draws every row a Poisson number of times, which is the bootstrap of
 * many rows without the need to know how many there are (Oza and Russell 2001);
 * a row that was not drawn is out of the bag of that tree.  The rows of a
 * pattern draw each for itself, as if they were rows of a table.
 *
 * A leaf says the share of positives among its rows, and the forest the mean of
 * its leaves.  What the trees that did not see a row say of it is its
 * out-of-bag score, an honest one.
 *
 * Every tree depends on its number alone, not on the others, so any process may
 * grow it: forestworkers.c asks for help where there is some.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "forest.h"

/* The distribution function of Poisson's law. */
static void
PoissonTable(Forest *f)
{
	double		p = exp(-f->options->subsample),
				sum = 0;

	for (int k = 0; k < FOREST_MOST_DRAWS; k++)
	{
		sum += p;
		f->upto[k] = k == FOREST_MOST_DRAWS - 1 || sum >= 1 ? PG_UINT64_MAX :
			(uint64) ldexp(sum, 64);
		p *= f->options->subsample / (k + 1);
	}
}

/*
 * How often the k-th row of a key is drawn.  A processor cannot guess it: the
 * numbers that are likely take no branch.
 */
static inline int
Times(const Forest *f, uint64 key, uint32 k)
{
	uint64		u = TreeDraw(key, k);
	int			times = (u >= f->upto[0]) + (u >= f->upto[1]) + (u >= f->upto[2]) +
		(u >= f->upto[3]);

	if (unlikely(times == 4))
		while (times < FOREST_MOST_DRAWS - 1 && u >= f->upto[times])
			times++;
	return times;
}

/* A row's weight; 1 on average, for only its share of all counts. */
static inline double
Weight(const TreeData *d, const ForestFacts *facts, int64 i)
{
	return d->weight != NULL ? d->weight[i] / facts->mean_weight : 1;
}

/* The rows of a tree; false where there are none of any weight. */
static bool
DrawRows(Forest *f)
{
	const TreeData *d = f->data;
	double		scale = 1 / f->facts->unit;
	bool		any = false;
	int64		row = 0;

	for (int64 i = 0; i < d->n; i++)
	{
		double		w = Weight(d, f->facts, i),
					of[2];
		int64		drawn[2] = {0, 0};

		TREE_CHECK_WALK(i);
		for (int label = 1; label >= 0; label--)
		{
			uint32		rows = label ? d->pos[i] : d->neg[i];
			uint64		key = TreePatternKey(f->key, i, label);

			for (uint32 k = 0; k < rows; k++, row++)
			{
				int			times = Times(f, key, k);

				TREE_CHECK_WALK(k + 1);
				drawn[label] += times;
				f->out[row] = (times == 0);
			}
			of[label] = w * d->class_weight[label] * drawn[label];
		}
		f->rows[i].sum.g = -(int64) rint(of[1] * scale);
		f->rows[i].sum.h = (int64) rint((of[0] + of[1]) * scale);
		f->rows[i].sum.n = w > 0 ? drawn[0] + drawn[1] : 0;
		any |= (f->rows[i].sum.h > 0);
	}
	return any;
}

static void
DrawTree(Forest *f, int t)
{
	f->key = TreeKey(f->options->seed, STREAM_ROWS, t);
	while (!DrawRows(f))
		f->key = TreeMix(f->key);	/* few rows: none of them was drawn */
}

static ForestFacts
FactsOf(const TreeData *d)
{
	ForestFacts facts = {{0, 0}};
	double		weights = 0,
				sum = 0;

	for (int64 i = 0; i < d->n; i++)
	{
		TREE_CHECK_WALK(i);
		facts.rows[0] += d->neg[i];
		facts.rows[1] += d->pos[i];
		if (d->weight != NULL)
			weights += d->weight[i] * ((double) d->neg[i] + d->pos[i]);
	}
	facts.mean_weight = weights / ForestRows(&facts);
	for (int64 i = 0; i < d->n; i++)
	{
		TREE_CHECK_WALK(i);
		sum += Weight(d, &facts, i) *
			((double) d->pos[i] * d->class_weight[1] +
			 (double) d->neg[i] * d->class_weight[0]);
	}
	/* no tree draws eight times as many rows as there are */
	facts.unit = ldexp(1, ilogb(sum) + 4 - 61);
	return facts;
}

int64
ForestRows(const ForestFacts *facts)
{
	return facts->rows[0] + facts->rows[1];
}

/* Shares as they are without the class weights. */
static void
CorrectLeaves(const Forest *f, TreeEnsemble *e)
{
	const double *cw = f->data->class_weight;

	for (int i = e->first[e->ntrees - 1]; i < e->nnodes; i++)
		if (e->nodes[i].kind == TREE_LEAF)
		{
			double		p = e->nodes[i].value;

			e->nodes[i].value = p * cw[0] / (p * cw[0] + (1 - p) * cw[1]);
		}
}

/* ---- votes ---- */

/* The bits that a count of trees takes. */
static int
CountBits(const ForestOptions *o)
{
	return ilogb(o->trees) + 1;
}

/* What 1 is in the sum of the votes: it grows to as much as there are trees. */
static double
VoteUnit(const ForestOptions *o)
{
	return ldexp(1, 63 - 2 * CountBits(o));
}

/* What a tree says of the rows that it has not seen. */
static void
AddVotes(Forest *f, const TreeEnsemble *e, int tree)
{
	const TreeData *d = f->data;
	int			bits = CountBits(f->options);
	double		unit = VoteUnit(f->options);
	int64		row = 0;

	for (int64 i = 0; i < d->n; i++)
	{
		int64		rows = (int64) d->pos[i] + d->neg[i];
		uint64		vote = 0;

		TREE_CHECK_WALK(i);
		for (int64 k = 0; k < rows; k++, row++)
		{
			TREE_CHECK_WALK(k + 1);
			if (!f->out[row])
				continue;
			if (vote == 0)
				vote = (uint64) rint(TreePatternValue(e, tree, d, i) * unit) << bits | 1;
			if (f->shared)
				pg_atomic_fetch_add_u64(&f->votes[row], vote);
			else
				f->votes[row].value += vote;
		}
	}
}

/* The mean of a row's votes; false where every tree has seen it. */
static inline bool
VotesMean(const ForestOptions *o, const ForestVotes *votes, double *score)
{
	int			bits = CountBits(o);
	uint64		trees = votes->value & ((UINT64CONST(1) << bits) - 1);

	if (trees == 0)
		return false;
	*score = (votes->value >> bits) / VoteUnit(o) / trees;
	return true;
}

/* Rows that every tree has seen have no say. */
static void
TellVotes(const TreeData *d, const ForestOptions *o, const ForestVotes *votes,
		  ForestRowSink tell, void *sink)
{
	int64		row = 0;

	for (int64 i = 0; i < d->n; i++)
		for (int label = 1; label >= 0; label--)
			for (uint32 k = 0; k < (label ? d->pos[i] : d->neg[i]); k++, row++)
			{
				double		score;

				TREE_CHECK_WALK(row);
				if (VotesMean(o, &votes[row], &score))
					tell(sink, label, score);
			}
}

typedef struct Scores
{
	double	   *score[2];		/* by label */
	int64		n[2];
} Scores;

static void
TakeScore(void *sink, bool positive, double score)
{
	Scores	   *s = sink;

	s->score[positive][s->n[positive]++] = score;
}

static void
JudgeOutOfBag(const TreeData *d, const ForestOptions *o, const ForestFacts *facts,
			  const ForestVotes *votes, TreeQuality *q)
{
	Scores		s = {{NULL, NULL}};

	for (int label = 0; label < 2; label++)
		s.score[label] = MemoryContextAllocHuge(CurrentMemoryContext,
												sizeof(double) * Max(facts->rows[label], 1));
	TellVotes(d, o, votes, TakeScore, &s);
	TreeQualityOf(s.score[0], s.n[0], s.score[1], s.n[1], q);
	pfree(s.score[0]);
	pfree(s.score[1]);
}

/* ---- the whole ---- */

/* In the current context. */
Forest *
ForestCreate(const TreeData *data, const ForestOptions *o, const ForestFacts *facts,
			 ForestVotes *votes, bool shared)
{
	Forest	   *f = palloc0(sizeof(Forest));

	f->data = data;
	f->options = o;
	f->facts = facts;
	f->votes = votes;
	f->shared = shared;
	PoissonTable(f);
	f->grower = TreeGrowerCreate(data, &o->growth);
	f->rows = TreeGrowerRows(f->grower);
	f->out = MemoryContextAllocHuge(CurrentMemoryContext, Max(ForestRows(facts), 1));
	return f;
}

void
ForestAddTree(Forest *f, TreeEnsemble *e, int t)
{
	const ForestOptions *o = f->options;

	DrawTree(f, t);
	(void) TreeGrow(f->grower, e, TreeKey(o->seed, STREAM_COLUMNS, t), f->facts->unit, NULL);
	if (f->data->class_weight[0] != f->data->class_weight[1] && o->correct)
		CorrectLeaves(f, e);
	AddVotes(f, e, e->ntrees - 1);
}

static ForestVotes *
NoVotes(const ForestFacts *facts)
{
	return MemoryContextAllocExtended(CurrentMemoryContext,
									  sizeof(ForestVotes) * Max(ForestRows(facts), 1),
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

ForestFit *
ForestGrow(const TreeData *data, const ForestOptions *o)
{
	ForestFit  *fit = palloc0(sizeof(ForestFit));
	ForestFacts facts = FactsOf(data);
	ForestVotes *votes = NoVotes(&facts);

	fit->trees = TreeEnsembleCreate(FAMILY_FOREST);
	if (!ForestGrowShared(fit->trees, data, o, &facts, votes))
	{
		Forest	   *f = ForestCreate(data, o, &facts, votes, false);

		for (int t = 0; t < o->trees; t++)
		{
			o->report(t + 1, data->n);
			ForestAddTree(f, fit->trees, t);
		}
	}
	JudgeOutOfBag(data, o, &facts, votes, &fit->oob);
	return fit;
}

void
ForestOutOfBag(const TreeEnsemble *e, const TreeData *data, const ForestOptions *o,
			   ForestRowSink tell, void *sink)
{
	ForestFacts facts = FactsOf(data);
	Forest	   *f = ForestCreate(data, o, &facts, NoVotes(&facts), false);

	for (int t = 0; t < e->ntrees; t++)
	{
		DrawTree(f, t);
		AddVotes(f, e, t);
	}
	TellVotes(data, o, f->votes, tell, sink);
}
