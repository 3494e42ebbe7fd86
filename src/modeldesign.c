/*-------------------------------------------------------------------------
 *
 * modeldesign.c
 *	  The design of a frame under the encoder of a model that is there already.
 *
 * design.c makes the design that an encoder was fitted with: columns lie as the
 * frame has them, and a value that nothing was learnt of is the mean of these
 * rows.  Here the frame came later.  Its columns may lie otherwise, and such a
 * value counts as the average lead of the training, as it does in the score:
 * the model itself must be one of those that its design can express.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "framescore.h"
#include "modeldesign.h"

/* Design entries of the codes of a column; plain numbers have none here. */
typedef struct CodeEntries
{
	int		   *start;			/* codes + 1 */
	int		   *column;
	double	   *value;
	int			n;
	int			capacity;
} CodeEntries;

typedef struct ModelRows
{
	const Model *model;
	const FrameStats *stats;
	const FrameScorer *scorer;	/* columns and features, bound */
	CodeEntries *codes;			/* per term */
	int		   *dense_of;		/* per design column: place among the dense ones, or -1 */
	double	   *scale;			/* per design column */
	const FrameColumn *offset;
	int			ndense;

	/* the block that was filled last */
	double	   *dense;
	int			start[DESIGN_BLOCK_ROWS + 1];
	int		   *index;
	double	   *value;
	int			capacity;
	double		pos[DESIGN_BLOCK_ROWS];
	double		neg[DESIGN_BLOCK_ROWS];
	double		weight[DESIGN_BLOCK_ROWS];
	double		offsets[DESIGN_BLOCK_ROWS];
} ModelRows;

static double
Scaled(const ModelRows *r, int column, double x)
{
	if (r->dense_of[column] < 0)
		return x;
	return (x - r->model->mean[column]) / r->scale[column];
}

static void
PutEntry(int **column, double **value, int *capacity, int n, int j, double x)
{
	if (n == *capacity)
	{
		*capacity *= 2;
		*column = repalloc_huge(*column, sizeof(int) * *capacity);
		*value = repalloc_huge(*value, sizeof(double) * *capacity);
	}
	(*column)[n] = j;
	(*value)[n] = x;
}

/* The entries of a cell, scaled; what counts as the average has its mean row. */
static int
EncodeCell(const ModelRows *r, const Feature *f, const Cell *cell,
		   int **column, double **value, int *capacity, int n)
{
	const Encoder *enc = &r->scorer->encoder;
	FeatureEntries out;

	FeatureEncode(enc, f, cell, &out);
	for (int i = 0; i < out.n; i++)
		PutEntry(column, value, capacity, n++, out.column[i],
				 Scaled(r, out.column[i], out.value[i]));
	for (int j = 1; out.average && j < enc->ncolumns; j++)
		if (&enc->features[enc->design[j].feature] == f)
			PutEntry(column, value, capacity, n++, j, Scaled(r, j, r->model->mean[j]));
	return n;
}

static void
EncodeCodes(const ModelRows *r, const FrameTerm *t, CodeEntries *e)
{
	const FrameColumn *c = t->column;

	e->capacity = c->nvalues + 8;
	e->start = palloc_extended(sizeof(int) * (c->nvalues + 2), MCXT_ALLOC_HUGE);
	e->column = palloc_extended(sizeof(int) * e->capacity, MCXT_ALLOC_HUGE);
	e->value = palloc_extended(sizeof(double) * e->capacity, MCXT_ALLOC_HUGE);
	for (int code = 0; code <= c->nvalues; code++)
	{
		if (code % 256 == 0)
			CHECK_FOR_INTERRUPTS();
		e->start[code] = e->n;
		if (code > 0 || c->nulls > 0)
		{
			Cell		cell = CodeCell(c, code);

			e->n = EncodeCell(r, t->feature, &cell, &e->column, &e->value,
							  &e->capacity, e->n);
		}
	}
	e->start[c->nvalues + 1] = e->n;
}

/* Numbers are dense, all else are entries, by ascending column as terms are. */
static int
PlaceEntries(ModelRows *r, int row, const int *column, const double *value,
			 int from, int to, int n)
{
	for (int k = from; k < to; k++)
		if (r->dense_of[column[k]] >= 0)
			r->dense[(size_t) r->dense_of[column[k]] * DESIGN_BLOCK_ROWS + row] = value[k];
		else if (value[k] != 0)
			PutEntry(&r->index, &r->value, &r->capacity, n++, column[k], value[k]);
	return n;
}

static int
FillRow(ModelRows *r, int row, const uint8 *pattern, int n)
{
	for (int k = 0; k < r->scorer->nterms; k++)
	{
		const FrameTerm *t = &r->scorer->terms[k];
		CodeEntries *e = &r->codes[k];

		if (t->feature->kind == FEATURE_OFFSET)
			(void) FrameNumber(t->column, pattern, &r->offsets[row]);
		else if (t->column->store == STORE_DICTIONARY)
		{
			uint32		code = FrameCode(t->column, pattern);

			n = PlaceEntries(r, row, e->column, e->value, e->start[code],
							 e->start[code + 1], n);
		}
		else
		{
			Cell		cell = {0};

			cell.type = t->column->type;
			cell.isnull = !FrameNumber(t->column, pattern, &cell.number);
			e->n = EncodeCell(r, t->feature, &cell, &e->column, &e->value,
							  &e->capacity, 0);
			n = PlaceEntries(r, row, e->column, e->value, 0, e->n, n);
		}
	}
	return n;
}

static void
FillModelRows(void *arg, int64 first, int n, DesignBlock *block)
{
	ModelRows  *r = arg;
	int			stride = r->stats->frame->stride;
	int			entries = 0;
	PatternBlock b;

	FrameRead(r->stats->frame, first, n, &b);
	memset(r->pos, 0, sizeof(r->pos));
	memset(r->neg, 0, sizeof(r->neg));
	memset(r->weight, 0, sizeof(r->weight));
	memset(r->offsets, 0, sizeof(r->offsets));
	memset(r->dense, 0, sizeof(double) * DESIGN_BLOCK_ROWS * r->ndense);
	for (int i = 0; i < n; i++)
	{
		const uint8 *pattern = b.cells + (size_t) i * stride;

		r->start[i] = entries;
		entries = FillRow(r, i, pattern, entries);
		r->pos[i] = b.pos[i];
		r->neg[i] = b.neg[i];
		r->weight[i] = PatternWeight(r->stats, pattern);
	}
	r->start[n] = entries;
	block->n = n;
	block->dense = r->dense;
	block->start = r->start;
	block->index = r->index;
	block->value = r->value;
	block->pos = r->pos;
	block->neg = r->neg;
	block->weight = r->weight;
	block->offset = r->offset != NULL ? r->offsets : NULL;
}

/* An offset is known for every row, or that is an error. */
static const FrameColumn *
OffsetColumn(const ModelRows *r, const FrameTerm *t)
{
	Cell		null = {0};
	FeatureEntries out;

	null.isnull = true;
	if (t->column->nulls > 0)
		FeatureEncode(&r->scorer->encoder, t->feature, &null, &out);
	return t->column;
}

ModelDesign *
ModelDesignCreate(const Model *model, const FrameStats *stats)
{
	const Encoder *enc = model->encoder;
	ModelDesign *d = palloc0(sizeof(ModelDesign));
	ModelRows  *r = palloc0(sizeof(ModelRows));
	int		   *dense_column = palloc(sizeof(int) * enc->ncolumns);

	r->model = model;
	r->stats = stats;
	r->scorer = FrameScorerCreate(model, stats->frame);
	r->dense_of = palloc(sizeof(int) * enc->ncolumns);
	r->scale = palloc(sizeof(double) * enc->ncolumns);
	d->beta = palloc(sizeof(double) * enc->ncolumns);
	d->beta[0] = model->coef[0];
	for (int j = 0; j < enc->ncolumns; j++)
	{
		bool		number = enc->design[j].kind == DESIGN_VALUE;

		r->dense_of[j] = number ? r->ndense : -1;
		r->scale[j] = number && model->sd[j] > 0 ? model->sd[j] : 1;
		if (number)
		{
			dense_column[r->ndense++] = j;
			d->beta[0] += model->coef[j] * model->mean[j];
		}
		if (j > 0)
			d->beta[j] = model->coef[j] * r->scale[j];
	}
	r->dense = palloc_extended(sizeof(double) * DESIGN_BLOCK_ROWS * Max(r->ndense, 1),
							   MCXT_ALLOC_HUGE);
	r->capacity = DESIGN_BLOCK_ROWS * 16;
	r->index = palloc(sizeof(int) * r->capacity);
	r->value = palloc(sizeof(double) * r->capacity);
	r->codes = palloc0(sizeof(CodeEntries) * Max(r->scorer->nterms, 1));
	for (int k = 0; k < r->scorer->nterms; k++)
	{
		const FrameTerm *t = &r->scorer->terms[k];
		CodeEntries *e = &r->codes[k];

		if (t->feature->kind == FEATURE_OFFSET)
			r->offset = OffsetColumn(r, t);
		else if (t->column->store == STORE_DICTIONARY)
			EncodeCodes(r, t, e);
		else
		{
			e->capacity = 8;
			e->column = palloc(sizeof(int) * e->capacity);
			e->value = palloc(sizeof(double) * e->capacity);
		}
	}
	d->source.nrows = stats->frame->npatterns;
	d->source.ncolumns = enc->ncolumns;
	d->source.ndense = r->ndense;
	d->source.dense_column = dense_column;
	d->source.weights[0] = stats->weight_sum - stats->weight_pos;
	d->source.weights[1] = stats->weight_pos;
	d->source.has_offset = r->offset != NULL;
	d->source.fill = FillModelRows;
	d->source.arg = r;
	return d;
}
