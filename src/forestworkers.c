/*-------------------------------------------------------------------------
 *
 * forestworkers.c
 *	  A forest grown by several processes.
 *
 * The patterns are copied to shared memory, where the leader and its parallel
 * workers take one tree after the other and lay what they have grown.  The leader
 * then puts the trees in the order of their numbers.  A tree depends on its
 * number, and votes are integers, so the forest is the same to the bit whoever
 * grew what.  An error in a worker is the leader's; when the leader is cancelled,
 * PostgreSQL ends the workers.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/statvfs.h>

#include "access/parallel.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "pgstat.h"
#include "storage/dsm_impl.h"
#include "tcop/tcopprot.h"
#include "utils/dsa.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "forest.h"

/* fewer rows and trees than this are grown before a worker has begun */
#define LEAST_WORK		1000000

#define KEY_SHARED		UINT64CONST(1)
#define KEY_DATA		UINT64CONST(2)
#define KEY_VOTES		UINT64CONST(3)
#define KEY_TREES		UINT64CONST(4)
#define KEY_AREA		UINT64CONST(5)
#define KEY_QUERY		UINT64CONST(6)

#define AREA_SIZE		(256 * 1024)	/* to begin with */

typedef struct ForestShared
{
	ForestOptions options;
	ForestFacts facts;
	pg_atomic_uint32 next;		/* the tree that nobody has taken yet */
} ForestShared;

/* A tree that is grown, with its nodes and sets after it. */
typedef struct GrownTree
{
	int			nnodes;
	int			nsets;
} GrownTree;

PGDLLEXPORT void ForestWorkerMain(dsm_segment *seg, shm_toc *toc);

/* ---- data in one piece ---- */

/* Arrays of the data, one after the other; each begins where any type may. */
typedef struct Piece
{
	char	   *at;				/* NULL: only the size is wanted */
	Size		size;
	bool		reading;
} Piece;

/* *array is copied into the piece or, when reading, is where it lies there. */
static void
Place(Piece *p, void *array, Size size)
{
	void	  **a = (void **) array;

	if (p->at != NULL && p->reading)
		*a = p->at + p->size;
	else if (p->at != NULL)
		memcpy(p->at + p->size, *a, size);
	p->size = add_size(p->size, MAXALIGN(size));
}

/* What is NULL in the data stays NULL in a copy of its struct. */
static void
PlaceArrays(Piece *p, TreeData *d)
{
	Size		n = d->n,
				ncells;

	Place(p, &d->columns, sizeof(TreeColumn) * d->ncolumns);
	Place(p, &d->first_bin, sizeof(int) * (d->ncolumns + 1));
	Place(p, &d->start, sizeof(int64) * (n + 1));
	Place(p, &d->pos, sizeof(uint32) * n);
	Place(p, &d->neg, sizeof(uint32) * n);
	ncells = d->start[n];
	if (d->narrow != NULL)
		Place(p, &d->narrow, sizeof(uint16) * ncells);
	if (d->wide != NULL)
		Place(p, &d->wide, sizeof(uint32) * ncells);
	if (d->weight != NULL)
		Place(p, &d->weight, sizeof(double) * n);
	for (int c = 0; c < d->ncolumns; c++)
		Place(p, &d->bins[c], n);
}

static Size
DataSize(const TreeData *d)
{
	Piece		p = {NULL, MAXALIGN(sizeof(TreeData))};
	TreeData	copy = *d;

	PlaceArrays(&p, &copy);
	return p.size;
}

static void
WriteData(char *to, const TreeData *d)
{
	Piece		p = {to, MAXALIGN(sizeof(TreeData))};
	TreeData	copy = *d;

	memcpy(to, d, sizeof(TreeData));
	PlaceArrays(&p, &copy);
}

static TreeData *
ReadData(char *from)
{
	Piece		p = {from, MAXALIGN(sizeof(TreeData)), true};
	TreeData   *d = palloc(sizeof(TreeData));

	memcpy(d, from, sizeof(TreeData));
	d->bins = palloc(sizeof(uint8 *) * d->ncolumns);
	d->offset = NULL;			/* a forest has none */
	d->group = NULL;
	PlaceArrays(&p, d);
	return d;
}

/* ---- trees ---- */

static dsa_pointer
StoreTree(dsa_area *area, const TreeEnsemble *e)
{
	Size		nodes = MAXALIGN(sizeof(TreeNode) * e->nnodes),
				sets = (Size) TREE_SET_BYTES * e->nsets;
	dsa_pointer where = dsa_allocate_extended(area, MAXALIGN(sizeof(GrownTree)) + nodes + sets,
											  DSA_ALLOC_HUGE);
	char	   *to = dsa_get_address(area, where);

	((GrownTree *) to)->nnodes = e->nnodes;
	((GrownTree *) to)->nsets = e->nsets;
	to += MAXALIGN(sizeof(GrownTree));
	memcpy(to, e->nodes, sizeof(TreeNode) * e->nnodes);
	memcpy(to + nodes, e->sets, sets);
	return where;
}

static void
AppendTree(TreeEnsemble *e, dsa_area *area, dsa_pointer where)
{
	char	   *from = dsa_get_address(area, where);
	const GrownTree *tree = (const GrownTree *) from;
	const TreeNode *nodes = (const TreeNode *) (from + MAXALIGN(sizeof(GrownTree)));
	const char *sets = (const char *) nodes + MAXALIGN(sizeof(TreeNode) * tree->nnodes);
	int			sets_before = e->nsets;

	for (int k = 0; k < tree->nsets; k++)
	{
		int			set = TreeEnsembleAddSet(e);

		memcpy(e->sets + (Size) set * TREE_SET_BYTES, sets + (Size) k * TREE_SET_BYTES,
			   TREE_SET_BYTES);
	}
	for (int k = 0; k < tree->nnodes; k++)
	{
		int			at = TreeEnsembleAddNode(e);
		TreeNode   *node = &e->nodes[at];

		*node = nodes[k];
		if (node->kind == TREE_SET)
			node->set += sets_before;
	}
	TreeEnsembleEndTree(e);
}

/* Take trees until there are none left, in the leader and in every worker. */
static void
GrowTrees(ForestShared *shared, const TreeData *data, ForestVotes *votes,
		  dsa_pointer *trees, dsa_area *area, void (*report) (int tree, int64 rows))
{
	Forest	   *f = ForestCreate(data, &shared->options, &shared->facts, votes, true);
	TreeEnsemble *e = TreeEnsembleCreate(FAMILY_FOREST);
	uint32		t;

	while ((t = pg_atomic_fetch_add_u32(&shared->next, 1)) < (uint32) shared->options.trees)
	{
		if (report != NULL)
			report(t + 1, data->n);
		e->ntrees = e->nnodes = e->nsets = 0;
		ForestAddTree(f, e, t);
		trees[t] = StoreTree(area, e);
	}
}

void
ForestWorkerMain(dsm_segment *seg, shm_toc *toc)
{
	ForestShared *shared = shm_toc_lookup(toc, KEY_SHARED, false);
	dsa_area   *area = dsa_attach_in_place(shm_toc_lookup(toc, KEY_AREA, false), seg);

	debug_query_string = shm_toc_lookup(toc, KEY_QUERY, false);
	pgstat_report_activity(STATE_RUNNING, debug_query_string);
	GrowTrees(shared, ReadData(shm_toc_lookup(toc, KEY_DATA, false)),
			  shm_toc_lookup(toc, KEY_VOTES, false),
			  shm_toc_lookup(toc, KEY_TREES, false), area, NULL);
	dsa_detach(area);
}

/* ---- the leader ---- */

/* Would so much shared memory be an error?  Then one process is enough. */
static bool
SharedMemoryHas(Size size)
{
#ifdef __linux__
	struct statvfs fs;

	if (dynamic_shared_memory_type == DSM_IMPL_POSIX && statvfs("/dev/shm", &fs) == 0)
		return (double) fs.f_bavail * fs.f_frsize > size * 1.5;
#endif
	return true;
}

static bool
MayHaveWorkers(const TreeData *data, const ForestOptions *o)
{
	return o->workers > 0 && o->trees > 1 && data->n > 0 &&
		(double) data->n * o->trees >= LEAST_WORK &&
		!IsParallelWorker() && ActiveSnapshotSet() && INTERRUPTS_CAN_BE_PROCESSED();
}

bool
ForestGrowShared(TreeEnsemble *e, const TreeData *data, const ForestOptions *o,
				 const ForestFacts *facts, ForestVotes *votes)
{
	Size		data_size,
				votes_size = sizeof(ForestVotes) * ForestRows(facts),
				trees_size = sizeof(dsa_pointer) * o->trees;
	const char *query = debug_query_string != NULL ? debug_query_string : "";
	ParallelContext *pcxt;
	ForestShared *shared;
	ForestVotes *shared_votes;
	dsa_pointer *trees;
	dsa_area   *area;
	char	   *at;
	bool		grown = false;

	if (!MayHaveWorkers(data, o))
		return false;
	data_size = DataSize(data);
	if (!SharedMemoryHas(data_size + votes_size))
		return false;

	EnterParallelMode();
	pcxt = CreateParallelContext("$libdir/leadscore", "ForestWorkerMain",
								 Min(o->workers, o->trees - 1));
	shm_toc_estimate_chunk(&pcxt->estimator, sizeof(ForestShared));
	shm_toc_estimate_chunk(&pcxt->estimator, data_size);
	shm_toc_estimate_chunk(&pcxt->estimator, votes_size);
	shm_toc_estimate_chunk(&pcxt->estimator, trees_size);
	shm_toc_estimate_chunk(&pcxt->estimator, AREA_SIZE);
	shm_toc_estimate_chunk(&pcxt->estimator, strlen(query) + 1);
	shm_toc_estimate_keys(&pcxt->estimator, 6);
	InitializeParallelDSM(pcxt);
	if (pcxt->nworkers > 0)		/* else there was no segment left */
	{
		shared = shm_toc_allocate(pcxt->toc, sizeof(ForestShared));
		shared->options = *o;
		shared->facts = *facts;
		pg_atomic_init_u32(&shared->next, 0);
		shm_toc_insert(pcxt->toc, KEY_SHARED, shared);
		at = shm_toc_allocate(pcxt->toc, data_size);
		WriteData(at, data);
		shm_toc_insert(pcxt->toc, KEY_DATA, at);
		shared_votes = shm_toc_allocate(pcxt->toc, votes_size);
		for (int64 i = 0; i < ForestRows(facts); i++)
			pg_atomic_init_u64(&shared_votes[i], 0);
		shm_toc_insert(pcxt->toc, KEY_VOTES, shared_votes);
		trees = shm_toc_allocate(pcxt->toc, trees_size);
		shm_toc_insert(pcxt->toc, KEY_TREES, trees);
		at = shm_toc_allocate(pcxt->toc, AREA_SIZE);
		area = dsa_create_in_place(at, AREA_SIZE, LWTRANCHE_PARALLEL_QUERY_DSA, pcxt->seg);
		shm_toc_insert(pcxt->toc, KEY_AREA, at);
		at = shm_toc_allocate(pcxt->toc, strlen(query) + 1);
		strcpy(at, query);
		shm_toc_insert(pcxt->toc, KEY_QUERY, at);

		LaunchParallelWorkers(pcxt);
		if (pcxt->nworkers_launched > 0)
		{
			GrowTrees(shared, data, shared_votes, trees, area, o->report);
			WaitForParallelWorkersToFinish(pcxt);
			for (int t = 0; t < o->trees; t++)
				AppendTree(e, area, trees[t]);
			memcpy(votes, shared_votes, votes_size);
			grown = true;
		}
		dsa_detach(area);
	}
	DestroyParallelContext(pcxt);
	ExitParallelMode();
	return grown;
}
