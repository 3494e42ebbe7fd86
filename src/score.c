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

#include "scoremap.h"

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
void
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
			 errcolumnname(name),
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
			 errcolumnname(source->name),
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

/* What the average lead gets from each feature; design columns are sorted by it. */
void
ModelSetAverages(Model *model)
{
	const Encoder *enc = model->encoder;

	model->average = palloc0(sizeof(double) * Max(enc->nfeatures, 1));
	for (int i = 1; i < enc->ncolumns; i++)
		model->average[enc->design[i].feature] += model->coef[i] * model->mean[i];
	for (int i = 0; i < enc->nfeatures; i++)
		if (enc->features[i].kind == FEATURE_OFFSET)
			model->average[i] = model->mean_offset;
}

/* A cell that may not be scored: training's own words for it. */
static void
PlaceError(const Model *model, const Feature *f, const Cell *cell)
{
	FeatureEntries entries;

	FeatureEncode(model->encoder, f, cell, &entries);
	elog(ERROR, "column \"%s\" cannot be scored", f->name);
}

/*
 * What one cell of one feature adds to the log-odds, whatever its kind.  To trees
 * nothing is added one by one: there it is the bin of the cell.
 */
double
PlacedTerm(const Model *model, const Feature *f, const Cell *cell)
{
	const double *coef = model->coef;
	double		value;
	int			column;

	if (model->trees != NULL && f->kind != FEATURE_OFFSET)
		return TreeModelBin(model, f - model->encoder->features, cell);
	column = FeaturePlace(model, f, cell, &value);

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

/* The log-odds of a row, not calibrated; cells are per source of the model. */
double
ModelOutput(const Model *model, const Cell *cells)
{
	const Encoder *enc = model->encoder;
	double		eta;

	if (model->trees != NULL)
		return TreeModelValue(model, cells);
	eta = model->coef[0];

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
	double		eta;

	if (model->trees != NULL)
		return TreeModelContributions(model, cells, contribution, average);
	eta = model->coef[0];
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
 * SQL functions
 * ------------------------------------------------------------------------
 */

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

static double
Probability(FunctionCallInfo fcinfo, RowForm form)
{
	const Model *model;
	double		value = ScorerValue(fcinfo, form, &model);

	return ModelScore(model, value);
}

static double
LogOdds(FunctionCallInfo fcinfo, RowForm form)
{
	const Model *model;
	double		value = ScorerValue(fcinfo, form, &model);

	return ModelScoreLogOdds(model, value);
}

PG_FUNCTION_INFO_V1(lead_score);
Datum
lead_score(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(Probability(fcinfo, ROW_RECORD));
}

PG_FUNCTION_INFO_V1(lead_score_json);
Datum
lead_score_json(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(Probability(fcinfo, ROW_JSON));
}

PG_FUNCTION_INFO_V1(lead_score_values);
Datum
lead_score_values(PG_FUNCTION_ARGS)
{
	if (ModelIsNull(fcinfo))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(Probability(fcinfo, ROW_VALUES));
}

PG_FUNCTION_INFO_V1(lead_log_odds);
Datum
lead_log_odds(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(LogOdds(fcinfo, ROW_RECORD));
}

PG_FUNCTION_INFO_V1(lead_log_odds_json);
Datum
lead_log_odds_json(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(LogOdds(fcinfo, ROW_JSON));
}

PG_FUNCTION_INFO_V1(lead_log_odds_values);
Datum
lead_log_odds_values(PG_FUNCTION_ARGS)
{
	if (ModelIsNull(fcinfo))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(LogOdds(fcinfo, ROW_VALUES));
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

	if (model->trees != NULL)
		RefuseTrees("lead_encode");
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
