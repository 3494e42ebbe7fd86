/*-------------------------------------------------------------------------
 *
 * score.c
 *	  From the cells of a row to log-odds, and the SQL functions that say so.
 *
 * A model is decoded once per query and bound once per shape of row: for each
 * source of the model, the index of the row's column with that name.  After
 * that a row costs one switch per source to read it and one per feature to
 * place it; nothing is looked up by name and nothing is allocated that does
 * not go away with the next row.
 *
 * The sum runs over the features in the model's order, whatever order the
 * row's columns have, so a record, a list of values and a JSON document with
 * the same contents give the same bits.
 *
 * One function, FeaturePlace(), decides where a cell falls.  Scores and
 * explanations both stand on it and cannot come apart.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/primnodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "miscadmin.h"

#include "leadscore.h"

/* ------------------------------------------------------------------------
 * Binding: which column of the row is which source of the model
 * ------------------------------------------------------------------------
 */

/* "city, clicks and 7 more" */
static char *
NeededColumns(const Model *model)
{
	const Encoder *enc = model->encoder;
	StringInfoData buf;
	int			shown = Min(enc->nsources, 40);

	initStringInfo(&buf);
	for (int i = 0; i < shown; i++)
	{
		const char *name = enc->sources[i].name;

		appendStringInfo(&buf, "%s%s", i > 0 ? ", " : "",
						 TextFromUtf8(name, strlen(name)));
	}
	if (shown < enc->nsources)
		appendStringInfo(&buf, " and %d more", enc->nsources - shown);
	return buf.data;
}

/* Are the names f1, f2, …, as ROW(…) gives them? */
static bool
NamesAreNumbered(const RowShape *shape)
{
	for (int i = 0; i < shape->ncolumns; i++)
	{
		char		numbered[16];

		snprintf(numbered, sizeof(numbered), "f%d", i + 1);
		if (shape->columns[i].name == NULL ||
			strcmp(shape->columns[i].name, numbered) != 0)
			return false;
	}
	return shape->ncolumns > 0;
}

/* shape is NULL where the row was a document */
static void
MissingColumn(const Model *model, const char *name, const RowShape *shape)
{
	const char *hint;

	if (shape == NULL)
		hint = "Give every column a key; null says that a value is not known.";
	else if (NamesAreNumbered(shape))
		hint = "ROW(...) has the names f1, f2, and so on. Pass a row with names: a table's alias, or the alias of a sub-select.";
	else
		hint = "Columns are matched by name. Add the column, as NULL if its value is not known.";
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" is missing from the row",
					TextFromUtf8(name, strlen(name))),
			 errdetail("The model needs the columns %s.", NeededColumns(model)),
			 errhint("%s", hint)));
}

static void
CheckColumnType(const ModelSource *source, const RowColumn *col)
{
	if (CellTypeClass(col->type) == CellTypeClass(source->type))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" has type %s, but the model was trained with type %s",
					TextFromUtf8(source->name, strlen(source->name)),
					format_type_be(col->typid), CellTypeName(source->type)),
			 errhint("Convert the column, or train the model again.")));
}

/*
 * Find the sources of the model among the columns of a row.  The allocation is
 * in `cxt`.
 */
void
BindModel(Binding *b, const Model *model, const RowShape *shape,
		  MemoryContext cxt)
{
	const Encoder *enc = model->encoder;

	b->model = model;
	b->column = MemoryContextAlloc(cxt, sizeof(int) * Max(enc->nsources, 1));
	for (int i = 0; i < enc->nsources; i++)
	{
		const ModelSource *source = &enc->sources[i];
		int			found = -1;

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < shape->ncolumns; j++)
		{
			if (shape->columns[j].name == NULL ||
				strcmp(shape->columns[j].name, source->name) != 0)
				continue;
			if (found >= 0)
				ereport(ERROR,
						(errcode(ERRCODE_AMBIGUOUS_COLUMN),
						 errmsg("the row has more than one column \"%s\"",
								TextFromUtf8(source->name,
											 strlen(source->name))),
						 errhint("Give the columns of the sub-select different names.")));
			found = j;
		}
		if (found < 0)
			MissingColumn(model, source->name, shape);
		CheckColumnType(source, &shape->columns[found]);
		b->column[i] = found;
	}
}

/* ------------------------------------------------------------------------
 * Log-odds
 * ------------------------------------------------------------------------
 */

/* The interval of a number: how many edges are not above it. */
static int
FindBin(const Feature *f, double x)
{
	int			low = 0,
				high = f->nedges;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (x < f->edges[middle])
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/*
 * Where one cell of one feature falls: the design column, or one of DESIGN_*.
 * *value is the number that a FEATURE_NUMBER multiplies its coefficient by
 * (the mean, when the cell is NULL) or that a FEATURE_OFFSET adds, else 1.
 */
int
FeaturePlace(const Model *model, const Feature *f, const Cell *cell,
			 double *value)
{
	double		x = 0;
	int			level;

	*value = 1;
	if (cell->isnull)
	{
		if (f->kind == FEATURE_NUMBER)
			*value = f->fill;
		return f->null_column;
	}
	if (f->transform != TRANSFORM_NONE)
		x = TransformCell(f, model->encoder->timezone, cell);
	else
		x = cell->number;

	switch (f->kind)
	{
		case FEATURE_NUMBER:
			*value = x;
			return f->value_column;
		case FEATURE_LEVELS:
			level = FeatureFindLevel(f, cell->text, cell->len, x);
			return level >= 0 ? f->levels[level].column : f->other_column;
		case FEATURE_BINS:
			return f->bin_columns[FindBin(f, x)];
		case FEATURE_OFFSET:
			*value = x;
			return DESIGN_NONE;
	}
	return DESIGN_NONE;			/* not reached: the decoder checks the kind */
}

/* What the average lead gets from a feature. */
static double
FeatureAverage(const Model *model, const Feature *f)
{
	const Encoder *enc = model->encoder;
	int			feature = f - enc->features;
	int			low = 1,
				high = enc->ncolumns;
	double		sum = 0;

	if (f->kind == FEATURE_OFFSET)
		return model->mean_offset;

	/* design columns are sorted by feature */
	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (enc->design[middle].feature < feature)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < enc->ncolumns && enc->design[low].feature == feature; low++)
		sum += model->coef[low] * model->mean[low];
	return sum;
}

/* A cell that may not be scored: training's own words for it. */
static void
PlaceError(const Model *model, const Feature *f, const Cell *cell)
{
	FeatureEntries entries;

	FeatureEncode(model->encoder, f, cell, &entries);
	elog(ERROR, "column \"%s\" cannot be scored", f->name);
}

/* What one cell of one feature adds to the log-odds, whatever its kind. */
static pg_noinline double
PlacedTerm(const Model *model, const Feature *f, const Cell *cell)
{
	const double *coef = model->coef;
	double		value;
	int			column = FeaturePlace(model, f, cell, &value);

	if (unlikely(column == DESIGN_ERROR ||
				 (f->kind == FEATURE_OFFSET && cell->isnull)))
		PlaceError(model, f, cell);
	if (unlikely(column == DESIGN_AVERAGE))
		return FeatureAverage(model, f);
	switch (f->kind)
	{
		case FEATURE_NUMBER:
			if (!cell->isnull)
				return coef[f->value_column] * value;
			/* the mean in its place, and what being NULL itself says */
			return coef[f->value_column] * value +
				(column >= 0 ? coef[column] : 0);
		case FEATURE_OFFSET:
			return value;
		default:
			return column >= 0 ? coef[column] : 0;
	}
}

/* The same; what most features are, a plain number, without a call. */
static inline double
FeatureTerm(const Model *model, const Feature *f, const Cell *cell)
{
	if (f->kind == FEATURE_NUMBER && f->transform == TRANSFORM_NONE &&
		!cell->isnull)
		return model->coef[f->value_column] * cell->number;
	return PlacedTerm(model, f, cell);
}

/* The log-odds of a row; cells are per source of the model. */
double
ModelLogOdds(const Model *model, const Cell *cells)
{
	const Encoder *enc = model->encoder;
	double		eta = model->coef[0];

	for (int i = 0; i < enc->nfeatures; i++)
	{
		const Feature *f = &enc->features[i];

		eta += FeatureTerm(model, f, &cells[f->source]);
	}
	return eta;
}

/*
 * The log-odds of a row, taken apart: what each source adds to those of the
 * average lead, and those.
 */
double
ModelContributions(const Model *model, const Cell *cells,
				   double *contribution, double *average)
{
	const Encoder *enc = model->encoder;
	double		eta = model->coef[0];

	*average = model->coef[0];
	for (int i = 0; i < enc->nsources; i++)
		contribution[i] = 0;
	for (int i = 0; i < enc->nfeatures; i++)
	{
		const Feature *f = &enc->features[i];
		double		term = FeatureTerm(model, f, &cells[f->source]);
		double		mean = FeatureAverage(model, f);

		eta += term;
		*average += mean;
		contribution[f->source] += term - mean;
	}
	return eta;
}

/* ------------------------------------------------------------------------
 * Rows of a call
 * ------------------------------------------------------------------------
 */

/* Models that a call remembers at the same time. */
#define MAX_SCORERS		32

/*
 * The scorer of a model that was not the last one used, or the one to give up
 * for a new model when there are enough; NULL if another may be made.
 */
static Scorer *
OtherScorer(FunctionCallInfo fcinfo)
{
	Scorer	   *first = fcinfo->flinfo->fn_extra;
	Scorer	   *previous = NULL;
	Scorer	   *s = first;
	int			n = 1;

	if (first->cache.model == NULL)
		return first;			/* its model was refused */
	for (; s->next != NULL && !ModelCacheHas(&s->cache, fcinfo, 0); n++)
	{
		previous = s;
		s = s->next;
	}
	if (n < MAX_SCORERS && !ModelCacheHas(&s->cache, fcinfo, 0))
		return NULL;
	if (previous != NULL)
	{
		previous->next = s->next;
		s->next = first;
		fcinfo->flinfo->fn_extra = s;
	}
	return s;
}

static Scorer *
GetScorer(FunctionCallInfo fcinfo, RowForm form)
{
	MemoryContext cxt = fcinfo->flinfo->fn_mcxt;
	Scorer	   *s = fcinfo->flinfo->fn_extra;

	if (likely(s != NULL && (s->cache.constant || ModelCacheHas(&s->cache, fcinfo, 0))))
		return s;
	if (s != NULL && (s = OtherScorer(fcinfo)) != NULL)
		return s;
	if (form == ROW_VALUES && get_fn_expr_variadic(fcinfo->flinfo))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("values must be given one by one, not as a VARIADIC array")));
	s = MemoryContextAllocZero(cxt, sizeof(Scorer));
	s->rowcxt = AllocSetContextCreate(cxt, "leadscore row",
									  ALLOCSET_SMALL_SIZES);
	s->bindcxt = AllocSetContextCreate(cxt, "leadscore binding",
									   ALLOCSET_SMALL_SIZES);
	s->next = fcinfo->flinfo->fn_extra;
	fcinfo->flinfo->fn_extra = s;
	return s;
}

/*
 * A list of values has its shape for the whole query where the names are a
 * constant; else they are compared, because nothing says that they come from
 * the same row as before.  (A parameter is no constant: in PL/pgSQL it changes
 * while fn_extra lives.)
 */
static bool
NamesAreConstant(FunctionCallInfo fcinfo)
{
	Node	   *call = fcinfo->flinfo->fn_expr;

	return call != NULL && IsA(call, FuncExpr) &&
		list_length(((FuncExpr *) call)->args) > 1 &&
		IsA(lsecond(((FuncExpr *) call)->args), Const);
}

static void
CheckNames(Scorer *s, FunctionCallInfo fcinfo, Jsonb *names)
{
	if (s->in.shape != NULL &&
		(s->names == NULL ||
		 (VARSIZE(s->names) == VARSIZE(names) &&
		  memcmp(s->names, names, VARSIZE(names)) == 0)))
		return;
	s->in.shape = NULL;
	if (s->names != NULL)
		pfree(s->names);
	s->names = NULL;
	if (!NamesAreConstant(fcinfo))
	{
		s->names = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, VARSIZE(names));
		memcpy(s->names, names, VARSIZE(names));
	}
}

/* Prepare for a model or a shape of row not met before. */
static void
Bind(Scorer *s, RowForm form)
{
	const Encoder *enc = s->model->encoder;

	s->generation = 0;			/* nothing is bound if this fails */
	MemoryContextReset(s->bindcxt);
	s->cells = MemoryContextAllocZero(s->bindcxt,
									  sizeof(Cell) * Max(enc->nsources, 1));
	if (form == ROW_JSON)
	{
		MemoryContext old = MemoryContextSwitchTo(s->bindcxt);

		s->keys = palloc(sizeof(char *) * Max(enc->nsources, 1));
		for (int i = 0; i < enc->nsources; i++)
			s->keys[i] = TextFromUtf8(enc->sources[i].name,
									  strlen(enc->sources[i].name));
		MemoryContextSwitchTo(old);
	}
	else
		BindModel(&s->binding, s->model, s->in.shape, s->bindcxt);
	s->generation = s->cache.generation;
}

/* CellRead(), with what most columns are in line */
static inline void
ReadCell(const RowColumn *col, Datum value, bool isnull, Cell *cell)
{
	if (!isnull && col->type == CELL_INT4)
	{
		cell->isnull = false;
		cell->type = CELL_INT4;
		cell->number = DatumGetInt32(value);
	}
	else
		CellRead(col, value, isnull, cell);
}

static void
ReadColumns(Scorer *s)
{
	int			n = s->model->encoder->nsources;
	const RowColumn *columns = s->in.shape->columns;

	for (int i = 0; i < n; i++)
	{
		int			j = s->binding.column[i];

		ReadCell(&columns[j], s->in.values[j], s->in.nulls[j], &s->cells[i]);
	}
}

/* Where the shape is known, the arguments need no copy. */
static void
ReadArgs(Scorer *s, FunctionCallInfo fcinfo)
{
	int			n = s->model->encoder->nsources;
	const int  *column = s->binding.column;
	const RowColumn *columns = s->in.shape->columns;
	const NullableDatum *args = &fcinfo->args[2];
	Cell	   *cells = s->cells;

	for (int i = 0; i < n; i++)
	{
		int			j = column[i];

		ReadCell(&columns[j], args[j].value, args[j].isnull, &cells[i]);
	}
}

static void
ReadDocument(Scorer *s, Jsonb *doc)
{
	const Encoder *enc = s->model->encoder;

	if (!JB_ROOT_IS_OBJECT(doc))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("features must be a JSON object"),
				 errhint("Its keys are the names of the columns.")));
	for (int i = 0; i < enc->nsources; i++)
	{
		JsonbValue	key,
				   *v;

		key.type = jbvString;
		key.val.string.val = s->keys[i];
		key.val.string.len = strlen(s->keys[i]);
		v = findJsonbValueFromContainer(&doc->root, JB_FOBJECT, &key);
		if (v == NULL)
			MissingColumn(s->model, enc->sources[i].name, NULL);
		CellReadJson(enc->sources[i].name, enc->sources[i].type, v,
					 &s->cells[i]);
	}
}

/*
 * The model is argument 0 of the function called, the row what `form` says.
 * Neither may be NULL; the functions see to that.
 */
Scorer *
ScorerRow(FunctionCallInfo fcinfo, RowForm form)
{
	Scorer	   *s = GetScorer(fcinfo, form);
	MemoryContext cxt = fcinfo->flinfo->fn_mcxt;
	MemoryContext old;
	bool		fresh = false;

	s->model = ModelCacheGet(&s->cache, fcinfo, 0);
	MemoryContextReset(s->rowcxt);
	old = MemoryContextSwitchTo(s->rowcxt);
	switch (form)
	{
		case ROW_RECORD:
			fresh = RowInputRecord(&s->in, PG_GETARG_HEAPTUPLEHEADER(1), cxt);
			break;
		case ROW_VALUES:
			{
				Jsonb	   *names = PG_GETARG_JSONB_P(1);

				CheckNames(s, fcinfo, names);
				if (s->in.shape == NULL)
					fresh = RowInputArgs(&s->in, fcinfo, 2, names, cxt);
				break;
			}
		case ROW_JSON:
			break;
	}
	if (unlikely(fresh || s->generation != s->cache.generation))
		Bind(s, form);
	switch (form)
	{
		case ROW_RECORD:
			ReadColumns(s);
			break;
		case ROW_VALUES:
			ReadArgs(s, fcinfo);
			break;
		case ROW_JSON:
			ReadDocument(s, PG_GETARG_JSONB_P(1));
			break;
	}
	MemoryContextSwitchTo(old);
	return s;
}

static inline double
CallLogOdds(FunctionCallInfo fcinfo, RowForm form)
{
	Scorer	   *s = ScorerRow(fcinfo, form);

	return ModelLogOdds(s->model, s->cells);
}

/* Values may be NULL, so those functions are not strict; the names may not. */
static bool
ModelIsNull(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		return true;
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("names must not be null")));
	return false;
}

/* ------------------------------------------------------------------------
 * SQL
 * ------------------------------------------------------------------------
 */

PG_FUNCTION_INFO_V1(lead_score);
Datum
lead_score(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(Sigmoid(CallLogOdds(fcinfo, ROW_RECORD)));
}

PG_FUNCTION_INFO_V1(lead_score_json);
Datum
lead_score_json(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(Sigmoid(CallLogOdds(fcinfo, ROW_JSON)));
}

PG_FUNCTION_INFO_V1(lead_score_values);
Datum
lead_score_values(PG_FUNCTION_ARGS)
{
	if (ModelIsNull(fcinfo))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(Sigmoid(CallLogOdds(fcinfo, ROW_VALUES)));
}

PG_FUNCTION_INFO_V1(lead_log_odds);
Datum
lead_log_odds(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(CallLogOdds(fcinfo, ROW_RECORD));
}

PG_FUNCTION_INFO_V1(lead_log_odds_json);
Datum
lead_log_odds_json(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(CallLogOdds(fcinfo, ROW_JSON));
}

PG_FUNCTION_INFO_V1(lead_log_odds_values);
Datum
lead_log_odds_values(PG_FUNCTION_ARGS)
{
	if (ModelIsNull(fcinfo))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(CallLogOdds(fcinfo, ROW_VALUES));
}

/*
 * The design row of a lead, the intercept's 1 first.  A feature that training
 * can say nothing about has its columns' means there, so that the product with
 * the coefficients is the log-odds; an offset has no column.
 */
PG_FUNCTION_INFO_V1(lead_encode);
Datum
lead_encode(PG_FUNCTION_ARGS)
{
	Scorer	   *s = ScorerRow(fcinfo, ROW_RECORD);
	const Model *model = s->model;
	const Encoder *enc = model->encoder;
	int			p = enc->ncolumns;
	double	   *design = palloc0(sizeof(double) * p);
	Datum	   *elements = palloc(sizeof(Datum) * p);

	design[0] = 1;
	for (int i = 0; i < enc->nfeatures; i++)
	{
		const Feature *f = &enc->features[i];
		FeatureEntries entries;

		FeatureEncode(enc, f, &s->cells[f->source], &entries);
		for (int j = 0; j < entries.n; j++)
			design[entries.column[j]] = entries.value[j];
		for (int j = 1; entries.average && j < p; j++)
			if (enc->design[j].feature == i)
				design[j] = model->mean[j];
	}
	for (int j = 0; j < p; j++)
		elements[j] = Float8GetDatum(design[j]);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, p, FLOAT8OID,
										  sizeof(float8), FLOAT8PASSBYVAL,
										  TYPALIGN_DOUBLE));
}
