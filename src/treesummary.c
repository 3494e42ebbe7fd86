/*-------------------------------------------------------------------------
 *
 * treesummary.c
 *	  The part of lead_summary() that trees have instead of coefficients.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "summary.h"
#include "treemodel.h"

typedef struct TableRow
{
	const char *name;
	double		gain;
	int64		splits;
} TableRow;

/* Most gain first; ties by name. */
static int
CompareRows(const void *a, const void *b)
{
	const TableRow *x = a,
			   *y = b;

	if (x->gain != y->gain)
		return x->gain > y->gain ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void
AppendForm(StringInfo out, const Model *model, JsonbContainer *info)
{
	const TreeEnsemble *e = model->trees->ensemble;
	double		grown = GetNumber(info, "grown"),
				deepest = GetNumber(info, "deepest");

	appendStringInfo(out, "%s trees, %s leaves", CountText(e->ntrees),
					 CountText((e->nnodes + e->ntrees) / 2));
	if (!isnan(deepest))
		appendStringInfo(out, ", depth up to %s", CountText(deepest));
	appendStringInfo(out, ", %s bytes\n",
					 CountText((double) MODEL_HEADER_SIZE + model->scoring_bytes +
							   model->statistics_bytes));
	if (grown > e->ntrees)
		appendStringInfo(out, "Stopped early: of %s trees those after the best were dropped\n",
						 CountText(grown));
}

static void
AppendJudged(StringInfo out, JsonbContainer *info, const char *key, const char *title)
{
	JsonbContainer *c = GetContainer(info, key, false);

	if (c == NULL)
		return;
	appendStringInfo(out, "\n%s (%s rows): AUC %.4f,  log loss %.4f,  Brier %.4f\n", title,
					 CountText(GetNumber(c, "rows")), GetNumber(c, "auc"),
					 GetNumber(c, "log_loss"), GetNumber(c, "brier"));
}

void
AppendTreeTable(StringInfo out, const Model *model, JsonbContainer *info)
{
	int			n = 0,
				width = 0;
	TableRow   *rows = palloc(sizeof(TableRow) * Max(model->encoder->nfeatures, 1));
	int64	   *splits = TreeModelSplits(model);
	double		sum = 0;

	for (int i = 0; i < model->encoder->nfeatures; i++)
	{
		TableRow   *row = &rows[n];

		if (model->encoder->features[i].kind == FEATURE_OFFSET)
			continue;
		row->name = Utf8Line(model->encoder->features[i].name);
		row->gain = model->trees->gain[i];
		row->splits = splits[i];
		sum += row->gain;
		width = Max(width, TextWidth(row->name));
		n++;
	}
	qsort(rows, n, sizeof(TableRow), CompareRows);
	AppendForm(out, model, info);
	appendStringInfoString(out, "\nImportance:\n");
	AppendPadding(out, width);
	appendStringInfoString(out, "     Gain    Splits\n");
	for (int i = 0; i < n; i++)
	{
		appendStringInfoString(out, rows[i].name);
		AppendPadding(out, width - TextWidth(rows[i].name));
		appendStringInfo(out, "  %5.1f %%  %8s\n",
						 sum > 0 ? 100 * rows[i].gain / sum : 0,
						 CountText((double) rows[i].splits));
	}
	appendStringInfoString(out, "---\nGain: share of what all splits gain.\n");
	AppendJudged(out, info, "out_of_bag", "Out of bag");
	AppendJudged(out, info, "holdout", "Held out");
}
