/*-------------------------------------------------------------------------
 *
 * treefit.c
 *	  A frame and options in, a model of trees out.
 *
 * The encoder is that of the line, with every number cut into bins and no level
 * left out as a reference; its design columns are the bins.  Patterns are placed
 * by the code that scores them later, so a lead falls where its like fell when
 * the trees were grown.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "optimizer/cost.h"

#include "account.h"
#include "framescore.h"
#include "treemodel.h"

static void *
AllocLarge(Size size)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, Max(size, 1));
}

/* ---- what a family needs of the frame and the options ---- */

static void
CheckRoles(const FrameStats *s, const Options *opt)
{
	if (opt->family == FAMILY_FOREST && s->offset != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a forest takes no offset"),
				 errdetail("The frame has the offset \"%s\", in log-odds; a forest averages probabilities.",
						   TextFromUtf8(s->offset->name, strlen(s->offset->name))),
				 errhint("Use {\"family\": \"boost\"}, or build the frame without the offset.")));
}

/*
 * All of it lies in memory: cells once by column and once by row, sums, order
 * and scores of patterns, out-of-bag scores of rows, and the trees and histograms,
 * counted as if they grew as large as they may.  Returns for how many parallel
 * workers there is memory: they share another copy of the data, and each has sums,
 * order and histograms of its own.
 */
static int
CheckMemory(const FrameStats *s, const Encoder *enc, const Options *opt)
{
	const Frame *f = s->frame;
	double		leaves = Min(ldexp(1, opt->depth), 1 + (double) f->rows / opt->min_leaf),
				open = opt->leaves > 0 ? opt->leaves : opt->depth + 1,
				bytes = (double) f->npatterns * (3.0 * enc->nfeatures + 72) +
		(opt->family == FAMILY_FOREST ? 9.0 * f->rows : 0),
		histograms,
		shared = (double) f->npatterns * (3.0 * enc->nfeatures + 24) + 8.0 * f->rows,
		own = (double) f->npatterns * 40 + f->rows;
	int			workers = 0;

	if (opt->leaves > 0)
		leaves = Min(leaves, opt->leaves);
	bytes += 2 * leaves * opt->trees * sizeof(TreeNode);
	/* a histogram of every node that waits, if it has as many cells as bins */
	open = Min(open, (double) f->npatterns * enc->nfeatures / enc->ncolumns);
	histograms = (open + 1) * enc->ncolumns * sizeof(TreeSum);
	bytes += histograms;

	if (f->npatterns >= PG_UINT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("trees cannot be grown from more than %u different rows", PG_UINT32_MAX)));
	if (bytes > (double) LeadscoreTreeMem())
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("growing trees needs %.0f MB of memory, the limit is %.0f MB",
						ceil(bytes / (1024 * 1024)), LeadscoreTreeMem() / (1024.0 * 1024)),
				 errdetail("There are %lld different rows of %d columns, and %d trees of up to %.0f leaves.",
						   (long long) f->npatterns, enc->nfeatures, opt->trees, floor(leaves)),
				 errhint("Raise \"leadscore.tree_mem\", train on a sample, exclude columns of many values, or take fewer trees of less \"depth\".")));
	if (opt->family != FAMILY_FOREST)
		return 0;
	while (workers < Min(max_parallel_workers_per_gather, max_parallel_workers) &&
		   bytes + shared + (workers + 1) * (own + histograms) <= (double) LeadscoreTreeMem())
		workers++;
	return workers;
}

/* What the options say of the direction of columns. */
static void
SetMonotone(TreeModel *t, const Encoder *enc, const Options *opt)
{
	for (int i = 0; i < enc->nfeatures; i++)
	{
		const Feature *f = &enc->features[i];
		const ColumnOptions *co = OptionsForColumn(opt, f->name);

		if (co == NULL)
			co = OptionsForColumn(opt, enc->sources[f->source].name);
		if (co == NULL || co->monotone == 0 || f->kind == FEATURE_OFFSET)
			continue;
		if (f->kind != FEATURE_BINS)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"monotone\" does not fit column \"%s\"",
							TextFromUtf8(f->name, strlen(f->name))),
					 errdetail("It is categorical: its levels have no order."),
					 errhint("A boolean becomes a number with \"as\": \"number\".")));
		t->columns[i].monotone = co->monotone;
	}
}

/* ---- the data ---- */

/* In the current context; the model's mean offset becomes that of these rows. */
TreeData *
TreeDataOf(const FrameStats *s, Model *m, const double class_weight[2])
{
	const Frame *frame = s->frame;
	int64		n = frame->npatterns;
	const FrameColumn *group = FrameFindRole(frame, ROLE_GROUP);
	FrameScorer *scorer = FrameScorerCreate(m, frame);
	TreeData   *d = palloc0(sizeof(TreeData));
	PatternBlock block = {0};
	double		weights = 0;

	d->n = n;
	d->ncolumns = m->encoder->nfeatures;
	d->columns = m->trees->columns;
	d->bins = palloc(sizeof(uint8 *) * d->ncolumns);
	for (int c = 0; c < d->ncolumns; c++)
		d->bins[c] = AllocLarge(n);
	d->pos = AllocLarge(sizeof(uint32) * n);
	d->neg = AllocLarge(sizeof(uint32) * n);
	if (s->weight != NULL)
		d->weight = AllocLarge(sizeof(double) * n);
	if (s->offset != NULL)
		d->offset = AllocLarge(sizeof(double) * n);
	if (group != NULL)
		d->group = AllocLarge(sizeof(uint64) * n);
	d->class_weight[0] = class_weight[0];
	d->class_weight[1] = class_weight[1];
	m->mean_offset = 0;
	while (FrameScan(frame, &block))
		for (int k = 0; k < block.n; k++)
		{
			const uint8 *pattern = block.cells + (Size) k * frame->stride;
			int64		i = block.first + k;
			double		offset = FrameScorerBins(scorer, pattern),
						w = PatternWeight(s, pattern);

			for (int c = 0; c < d->ncolumns; c++)
				d->bins[c][i] = m->trees->bins[c];
			d->pos[i] = block.pos[k];
			d->neg[i] = block.neg[k];
			if (d->weight != NULL)
				d->weight[i] = w;
			if (d->offset != NULL)
				d->offset[i] = offset;
			if (d->group != NULL)
				d->group[i] = group->store == STORE_DICTIONARY ?
					FrameCode(group, pattern) : FrameNumberBits(group, pattern);
			w *= (double) block.pos[k] + block.neg[k];
			m->mean_offset += w * offset;
			weights += w;
		}
	m->mean_offset = weights > 0 ? m->mean_offset / weights : 0;
	TreeDataIndex(d);
	return d;
}

/* ---- the fit ---- */

static void
ReportTree(int tree, int64 rows)
{
	ProgressReport("growing trees", tree, rows, 0);
}

/*
 * The columns that a split may choose from.  A forest needs trees that differ, so it
 * has their root (Breiman 2001).  Boosted trees have half of them: out of fold that
 * is as good as all or better on every data set tried, whereas half of the columns
 * for a whole tree cannot find what two columns say together only.
 */
static int
Mtry(const Options *opt, const TreeData *d)
{
	double		n = d->ncolumns;

	if (opt->mtry > 0)
		return Min(opt->mtry, d->ncolumns);
	return Max(1, (int) rint(opt->family == FAMILY_FOREST ? sqrt(n) : n / 2));
}

static TreeEnsemble *
GrowForest(const TreeData *d, const Options *opt, int workers, TreeAccount *account)
{
	ForestOptions o = {0};
	ForestFit  *fit;

	o.trees = opt->trees;
	o.subsample = opt->subsample;
	o.seed = (uint64) opt->seed;
	o.correct = opt->correct;
	o.workers = workers;
	o.report = ReportTree;
	o.growth.depth = opt->depth;
	o.growth.min_leaf = opt->min_leaf;
	o.growth.centred = true;
	o.growth.rate = 1;
	o.growth.mtry = account->mtry = Mtry(opt, d);
	fit = ForestGrow(d, &o);
	account->grown = fit->trees->ntrees;
	account->judged = "out_of_bag";
	account->quality = fit->oob;
	return fit->trees;
}

static TreeEnsemble *
GrowBoost(const TreeData *d, const Options *opt, double prior_correction,
		  TreeAccount *account)
{
	BoostOptions o = {0};
	BoostFit   *fit;

	o.trees = opt->trees;
	o.subsample = opt->subsample;
	o.colsample = opt->colsample;
	o.early_stopping = opt->early_stopping;
	o.holdout = opt->holdout;
	o.seed = (uint64) opt->seed;
	o.prior_correction = prior_correction;
	o.report = ReportTree;
	o.growth.depth = opt->depth;
	o.growth.leaves = opt->leaves;
	o.growth.min_leaf = opt->min_leaf;
	o.growth.lambda = opt->lambda;
	o.growth.min_gain = opt->min_gain;
	o.growth.rate = opt->rate;
	o.growth.mtry = account->mtry = Mtry(opt, d);
	fit = BoostGrow(d, &o);
	if (fit == NULL)
	{
		(void) Untrainable(opt, ERRCODE_DATA_EXCEPTION, "the rows cannot be divided for \"early_stopping\"",
						   d->group != NULL ? "Of the groups none is held out, or the others have one label only." :
						   "No row is held out, or the others have one label only.",
						   "Leave \"early_stopping\" out, or change \"holdout\" or \"seed\".");
		return NULL;
	}
	account->grown = fit->grown;
	account->judged = fit->has_holdout ? "holdout" : NULL;
	account->quality = fit->holdout;
	return fit->trees;
}

/* The gains of all splits, by feature. */
static double *
Gains(const TreeEnsemble *e, int nfeatures)
{
	double	   *gain = palloc0(sizeof(double) * Max(nfeatures, 1));

	for (int i = 0; i < e->nnodes; i++)
		if (e->nodes[i].kind != TREE_LEAF)
			gain[e->nodes[i].column] += e->nodes[i].gain;
	return gain;
}

/* More bytes than this are worth a word. */
#define LARGE_MODEL		(64 * 1024 * 1024)

static void
ReportSize(const bytea *model, const Options *opt)
{
	if (VARSIZE(model) > LARGE_MODEL)
		FitTell(opt, NOTICE, psprintf("the model has %d MB", (int) (VARSIZE(model) / (1024 * 1024))),
				NULL, "Fewer \"trees\", a smaller \"depth\" or a larger \"min_leaf\" make it smaller.");
}

bytea *
FitTrees(FrameStats *s, const Options *opt)
{
	FitAccount	a = {0};
	TreeAccount account = {0};
	Model		m = {0};
	LogitOptions lo = {0};
	FittedEncoder *fe;
	TreeData   *d;
	int			workers;
	bytea	   *bytes;

	if (!CheckLabels(s, opt))
		return NULL;
	CheckRoles(s, opt);
	fe = SharedEncoder(s, opt, true);
	if (fe == NULL)
		return NULL;
	ReportLeftOut(&fe->report, opt);
	if (!CheckColumnsLeft(fe, opt))
		return NULL;
	workers = CheckMemory(s, fe->encoder, opt);
	ClassWeights(s, opt, &lo);
	if (opt->class_weight_kind != CLASS_WEIGHT_NONE && opt->correct)
		a.prior_correction = -log(lo.class_weight[1] / lo.class_weight[0]);

	m.encoder = fe->encoder;
	m.trees = TreeModelCreate(fe->encoder, NULL);
	SetMonotone(m.trees, fe->encoder, opt);
	d = TreeDataOf(s, &m, lo.class_weight);
	account.family = opt->family == FAMILY_FOREST ? "forest" : "boost";
	account.fit = opt->family == FAMILY_FOREST ? "random forest" : "gradient boosting";
	account.opt = opt;
	account.model = &m;
	m.trees->ensemble = opt->family == FAMILY_FOREST ? GrowForest(d, opt, workers, &account) :
		GrowBoost(d, opt, a.prior_correction, &account);
	if (m.trees->ensemble == NULL)
		return NULL;
	m.trees->gain = Gains(m.trees->ensemble, fe->encoder->nfeatures);
	m.confidence = opt->confidence;

	a.stats = s;
	a.opt = opt;
	a.fe = fe;
	a.logit_options = &lo;
	a.model = &m;
	a.trees = &account;
	m.info = FitAccountJson(&a);
	bytes = ModelEncode(&m);
	ReportSize(bytes, opt);
	return bytes;
}

/* ---- the account ---- */

void
TreeAccountJson(StringInfo buf, const TreeAccount *a)
{
	const TreeEnsemble *e = a->model->trees->ensemble;
	int			deepest = 0;

	for (int k = 0; k < e->ntrees; k++)
		deepest = Max(deepest, TreeDepth(e->nodes + e->first[k], 0));
	JsonInt(buf, "trees", e->ntrees);
	JsonInt(buf, "grown", a->grown);
	JsonInt(buf, "leaves", (e->nnodes + e->ntrees) / 2);
	JsonInt(buf, "deepest", deepest);
	JsonInt(buf, "depth", a->opt->depth);
	JsonInt(buf, "min_leaf", a->opt->min_leaf);
	JsonNumber(buf, "subsample", a->opt->subsample);
	JsonInt(buf, "seed", a->opt->seed);
	JsonInt(buf, "mtry", a->mtry);
	if (e->family == FAMILY_BOOST)
	{
		JsonNumber(buf, "rate", a->opt->rate);
		JsonNumber(buf, "lambda", a->opt->lambda);
		JsonNumber(buf, "colsample", a->opt->colsample);
		if (a->opt->leaves > 0)
			JsonInt(buf, "most_leaves", a->opt->leaves);
		if (a->opt->early_stopping > 0)
			JsonInt(buf, "early_stopping", a->opt->early_stopping);
	}
	if (a->judged == NULL)
		return;
	appendStringInfo(buf, ", \"%s\": {\"rows\": %lld", a->judged,
					 (long long) a->quality.rows);
	JsonNumber(buf, "auc", a->quality.auc);
	JsonNumber(buf, "log_loss", a->quality.log_loss);
	JsonNumber(buf, "brier", a->quality.brier);
	appendStringInfoChar(buf, '}');
}
