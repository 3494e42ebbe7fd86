/*-------------------------------------------------------------------------
 *
 * forest.h
 *	  A forest on its way, for forest.c and forestworkers.c alone.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_FOREST_H
#define LEADSCORE_FOREST_H

#include "port/atomics.h"
#include "tree.h"

#define FOREST_MOST_DRAWS	16

/* What depends on the data alone, the same in every process. */
typedef struct ForestFacts
{
	int64		rows[2];		/* by label */
	double		mean_weight;
	double		unit;			/* of the sums */
} ForestFacts;

/*
 * Per row, pattern by pattern, its positives first: the sum of what trees that have
 * not seen it say, and below that how many they are.  A sum of integers is the same
 * in whatever order the trees come, and from whatever process.
 */
typedef pg_atomic_uint64 ForestVotes;

/* The state of one process. */
typedef struct Forest
{
	const TreeData *data;
	const ForestOptions *options;
	const ForestFacts *facts;
	uint64		upto[FOREST_MOST_DRAWS];	/* draws below upto[k] mean at most k times */
	uint64		key;			/* of the rows of the tree at hand */
	TreeGrower *grower;
	TreeRow    *rows;
	uint8	   *out;			/* per row: not drawn */
	ForestVotes *votes;
	bool		shared;			/* others vote at the same time */
} Forest;

extern Forest *ForestCreate(const TreeData *data, const ForestOptions *o,
							const ForestFacts *facts, ForestVotes *votes, bool shared);
/* tree number t, to the end of the ensemble, and its votes */
extern void ForestAddTree(Forest *f, TreeEnsemble *e, int t);

/*
 * forestworkers.c: all trees and their votes, with the help of so many parallel
 * workers at most.  Returns false where there can be none, and nothing is done.
 */
extern bool ForestGrowShared(TreeEnsemble *e, const TreeData *data, const ForestOptions *o,
							 const ForestFacts *facts, ForestVotes *votes);
extern int64 ForestRows(const ForestFacts *facts);

#endif							/* LEADSCORE_FOREST_H */
