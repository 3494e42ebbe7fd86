/*-------------------------------------------------------------------------
 *
 * inspect.c
 *	  Looking into a model from SQL: its coefficients, covariance, design
 *	  columns, and everything it knows as one document.
 *
 * lead_info() returns what the training wrote about itself (rows, options,
 * what was left out, …) and adds what the bytes say: "format", "bytes",
 * "inference", "confidence", "timezone", "columns" (the features, with levels
 * and their coefficients), "calibration" and "coefficients" (in design order).
 *
 *-------------------------------------------------------------------------
 */
#include "scoremap.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/json.h"

static Datum
Utf8Datum(const char *s)
{
	return CStringGetTextDatum(TextFromUtf8(s, strlen(s)));
}

/* ------------------------------------------------------------------------
 * Tables and arrays in design order
 * ------------------------------------------------------------------------
 */

static void
SetNumber(Datum *values, bool *nulls, int at, double x)
{
	nulls[at] = isnan(x);
	if (!nulls[at])
		values[at] = Float8GetDatum(x);
}

static HeapTuple
CoefficientTuple(const Model *model, int column, TupleDesc desc)
{
	const Encoder *enc = model->encoder;
	int			feature = enc->design[column].feature;
	char	   *level = DesignColumnLevel(enc, column);
	Coefficient c;
	Datum		values[13] = {0};
	bool		nulls[13] = {0};

	values[0] = Utf8Datum(feature < 0 ? "(Intercept)" :
						  enc->features[feature].name);
	nulls[1] = level == NULL;
	if (level != NULL)
		values[1] = Utf8Datum(level);
	values[2] = Utf8Datum(DesignColumnName(enc, column));

	ModelCoefficient(model, column, &c);
	SetNumber(values, nulls, 3, c.estimate);
	SetNumber(values, nulls, 4, c.std_error);
	SetNumber(values, nulls, 5, c.z);
	SetNumber(values, nulls, 6, c.p);
	SetNumber(values, nulls, 7, c.ci_low);
	SetNumber(values, nulls, 8, c.ci_high);
	SetNumber(values, nulls, 9, c.odds_ratio);
	SetNumber(values, nulls, 10, c.odds_low);
	SetNumber(values, nulls, 11, c.odds_high);
	SetNumber(values, nulls, 12, c.std_estimate);
	return heap_form_tuple(desc, values, nulls);
}

PG_FUNCTION_INFO_V1(lead_coefficients);
Datum
lead_coefficients(PG_FUNCTION_ARGS)
{
	FuncCallContext *call;
	Model	   *model;

	if (SRF_IS_FIRSTCALL())
	{
		MemoryContext caller;
		TupleDesc	desc;

		call = SRF_FIRSTCALL_INIT();
		caller = MemoryContextSwitchTo(call->multi_call_memory_ctx);
		if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
			desc->natts != 13)
			elog(ERROR, "lead_coefficients must return 13 columns");
		call->tuple_desc = BlessTupleDesc(desc);
		model = ModelDecode(PG_GETARG_DATUM(0), false);
		if (model->trees != NULL)
			RefuseTrees("lead_coefficients");
		call->user_fctx = model;
		call->max_calls = model->encoder->ncolumns;
		MemoryContextSwitchTo(caller);
	}

	call = SRF_PERCALL_SETUP();
	model = call->user_fctx;
	if (call->call_cntr < call->max_calls)
	{
		/* the macro counts before it looks at the result */
		HeapTuple	tuple = CoefficientTuple(model, (int) call->call_cntr,
											 call->tuple_desc);

		SRF_RETURN_NEXT(call, HeapTupleGetDatum(tuple));
	}
	SRF_RETURN_DONE(call);
}

PG_FUNCTION_INFO_V1(lead_covariance);
Datum
lead_covariance(PG_FUNCTION_ARGS)
{
	Model	   *model = ModelDecode(PG_GETARG_DATUM(0), false);
	int			p = model->encoder->ncolumns;
	const double *c = model->cov;
	Size		size = ARR_OVERHEAD_NONULLS(2) + sizeof(float8) * p * p;
	ArrayType  *result;
	float8	   *cell;

	if (c == NULL)
		PG_RETURN_NULL();

	result = palloc0(size);
	SET_VARSIZE(result, size);
	result->ndim = 2;
	result->elemtype = FLOAT8OID;
	ARR_DIMS(result)[0] = ARR_DIMS(result)[1] = p;
	ARR_LBOUND(result)[0] = ARR_LBOUND(result)[1] = 1;

	cell = (float8 *) ARR_DATA_PTR(result);
	for (int i = 0; i < p; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j <= i; j++, c++)
		{
			bool		unknown = model->aliased[i] || model->aliased[j];

			cell[(Size) i * p + j] = cell[(Size) j * p + i] = unknown ? NAN : *c;
		}
	}
	PG_RETURN_ARRAYTYPE_P(result);
}

PG_FUNCTION_INFO_V1(lead_encoded_names);
Datum
lead_encoded_names(PG_FUNCTION_ARGS)
{
	Model	   *model = ModelDecode(PG_GETARG_DATUM(0), true);
	Encoder    *enc = model->encoder;
	Datum	   *names = palloc(sizeof(Datum) * enc->ncolumns);

	if (model->trees != NULL)
		RefuseTrees("lead_encoded_names");
	for (int i = 0; i < enc->ncolumns; i++)
		names[i] = Utf8Datum(DesignColumnName(enc, i));
	PG_RETURN_ARRAYTYPE_P(construct_array(names, enc->ncolumns, TEXTOID,
										  -1, false, TYPALIGN_INT));
}

/* ------------------------------------------------------------------------
 * Everything as one document
 * ------------------------------------------------------------------------
 */

static const char *const inference_names[] = {
	[INFERENCE_NONE] = "none",
	[INFERENCE_WALD] = "wald",
	[INFERENCE_PENALISED] = "penalised",
	[INFERENCE_ROBUST] = "robust"
};

static const char *const kind_names[] = {
	[FEATURE_NUMBER] = "number",
	[FEATURE_LEVELS] = "levels",
	[FEATURE_BINS] = "bins",
	[FEATURE_OFFSET] = "offset"
};

static const char *const transform_names[] = {
	[TRANSFORM_NONE] = "none",
	[TRANSFORM_LOG1P] = "log1p",
	[TRANSFORM_HOUR] = "hour",
	[TRANSFORM_DOW] = "dow",
	[TRANSFORM_DAY] = "day",
	[TRANSFORM_MONTH] = "month",
	[TRANSFORM_QUARTER] = "quarter",
	[TRANSFORM_YEAR] = "year"
};

/* What the training wrote; {} if nothing. */
Jsonb *
ModelInfo(const Model *model)
{
	const char *info = model->info != NULL ?
		TextFromUtf8(model->info, strlen(model->info)) : "{}";
	Jsonb	   *result = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
															 CStringGetDatum(info)));

	if (!JB_ROOT_IS_OBJECT(result))
		ModelRefuse(model, "The description of the fit is no JSON object.");
	return result;
}

static void
AppendText(StringInfo out, const char *key, const char *utf8)
{
	appendStringInfo(out, "\"%s\": ", key);
	escape_json(out, TextFromUtf8(utf8, strlen(utf8)));
}

static void
AppendNumber(StringInfo out, const char *key, double x)
{
	appendStringInfo(out, "\"%s\": %s", key, isfinite(x) ? NumberText(x) : "null");
}

/* A design column of its own: what the line makes of it, or the bin of trees. */
static void
AppendDesign(StringInfo out, const Model *model, int column)
{
	if (model->trees != NULL)
		appendStringInfo(out, "\"bin\": %d", column -
						 model->trees->first_design[model->encoder->design[column].feature]);
	else
	{
		appendStringInfo(out, "\"design\": %d, ", column);
		AppendNumber(out, "coefficient",
					 model->aliased[column] ? NAN : model->coef[column]);
	}
}

/* A slot: its design column and coefficient, or what it stands for instead. */
static void
AppendSlot(StringInfo out, const Model *model, const char *key, int column)
{
	appendStringInfo(out, ", \"%s\": ", key);
	if (column == DESIGN_NONE)
		appendStringInfoString(out, "\"reference\"");
	else if (column == DESIGN_AVERAGE)
		appendStringInfoString(out, "\"average\"");
	else if (column == DESIGN_ERROR)
		appendStringInfoString(out, "\"error\"");
	else
	{
		appendStringInfoChar(out, '{');
		AppendDesign(out, model, column);
		appendStringInfoChar(out, '}');
	}
}

static void
AppendLevel(StringInfo out, const Model *model, const Feature *f,
			DesignKind kind, int level, int column)
{
	appendStringInfoString(out, level > 0 ? ", {" : "{");
	AppendText(out, "level", FeatureLevelText(model->encoder, f, kind, level));
	if (column == DESIGN_NONE)
		appendStringInfoString(out, ", \"coefficient\": 0, \"reference\": true}");
	else
	{
		appendStringInfoString(out, ", ");
		AppendDesign(out, model, column);
		appendStringInfoChar(out, '}');
	}
}

static void
AppendLevels(StringInfo out, const Model *model, const Feature *f)
{
	appendStringInfoString(out, ", \"levels\": [");
	if (f->kind == FEATURE_LEVELS)
		for (int i = 0; i < f->nlevels; i++)
			AppendLevel(out, model, f, DESIGN_LEVEL, i, f->levels[i].column);
	else
		for (int i = 0; i <= f->nedges; i++)
			AppendLevel(out, model, f, DESIGN_BIN, i, f->bin_columns[i]);
	appendStringInfoChar(out, ']');
}

static void
AppendFeature(StringInfo out, const Model *model, int i)
{
	const Feature *f = &model->encoder->features[i];
	const ModelSource *source = &model->encoder->sources[f->source];

	appendStringInfoString(out, i > 0 ? ", {" : "{");
	AppendText(out, "name", f->name);
	appendStringInfoString(out, ", ");
	AppendText(out, "source", source->name);
	appendStringInfo(out, ", \"type\": \"%s\", \"kind\": \"%s\", "
					 "\"transform\": \"%s\"", CellTypeName(source->type),
					 kind_names[f->kind], transform_names[f->transform]);

	if (f->kind == FEATURE_NUMBER)
	{
		AppendSlot(out, model, "value", f->value_column);
		appendStringInfoString(out, ", ");
		AppendNumber(out, "fill", f->fill);
	}
	if (f->kind == FEATURE_LEVELS || f->kind == FEATURE_BINS)
		AppendLevels(out, model, f);
	if (f->kind == FEATURE_LEVELS)
		AppendSlot(out, model, "other", f->other_column);
	if (f->kind == FEATURE_BINS)
	{
		appendStringInfoString(out, ", \"edges\": [");
		for (int e = 0; e < f->nedges; e++)
			appendStringInfo(out, "%s%s", e > 0 ? ", " : "",
							 NumberText(f->edges[e]));
		appendStringInfoChar(out, ']');
	}
	AppendSlot(out, model, "null", f->null_column);
	if (model->vif != NULL)
	{
		appendStringInfoString(out, ", ");
		AppendNumber(out, "vif", model->vif[i]);
	}
	appendStringInfoChar(out, '}');
}

static void
AppendCoefficient(StringInfo out, const Model *model, int column)
{
	Coefficient c;

	ModelCoefficient(model, column, &c);
	appendStringInfoString(out, column > 0 ? ", {" : "{");
	AppendText(out, "name", DesignColumnName(model->encoder, column));
	appendStringInfoString(out, ", ");
	AppendNumber(out, "estimate", c.estimate);
	appendStringInfoString(out, ", ");
	AppendNumber(out, "std_error", c.std_error);
	appendStringInfoString(out, ", ");
	AppendNumber(out, "mean", model->mean[column]);
	appendStringInfoString(out, ", ");
	AppendNumber(out, "sd", model->sd[column]);
	appendStringInfo(out, ", \"aliased\": %s}",
					 model->aliased[column] ? "true" : "false");
}

static void
AppendCoefficients(StringInfo out, const Model *model)
{
	appendStringInfoString(out, ", \"coefficients\": [");
	for (int i = 0; i < model->encoder->ncolumns; i++)
		AppendCoefficient(out, model, i);
	appendStringInfoChar(out, ']');
}

static void
AppendImportance(StringInfo out, const Model *model)
{
	int64	   *splits = TreeModelSplits(model);

	appendStringInfoString(out, ", \"importance\": [");
	for (int i = 0; i < model->encoder->nfeatures; i++)
	{
		appendStringInfoString(out, i > 0 ? ", {" : "{");
		AppendText(out, "column", model->encoder->features[i].name);
		appendStringInfoString(out, ", ");
		AppendNumber(out, "gain", model->trees->gain[i]);
		appendStringInfo(out, ", \"splits\": %lld}", (long long) splits[i]);
	}
	appendStringInfoChar(out, ']');
}

PG_FUNCTION_INFO_V1(lead_info);
Datum
lead_info(PG_FUNCTION_ARGS)
{
	Model	   *model = ModelDecode(PG_GETARG_DATUM(0), false);
	Encoder    *enc = model->encoder;
	StringInfoData out;
	Datum		described;

	initStringInfo(&out);
	appendStringInfo(&out, "{\"format\": %u, \"bytes\": {\"total\": %u, "
					 "\"scoring\": %u, \"statistics\": %u}, "
					 "\"inference\": \"%s\", ", model->format,
					 MODEL_HEADER_SIZE + model->scoring_bytes +
					 model->statistics_bytes, model->scoring_bytes,
					 model->statistics_bytes, inference_names[model->inference]);
	AppendNumber(&out, "confidence", model->confidence);
	appendStringInfoString(&out, ", ");
	AppendNumber(&out, "mean_offset", model->mean_offset);
	if (enc->timezone != NULL)
	{
		appendStringInfoString(&out, ", ");
		AppendText(&out, "timezone", enc->timezone);
	}

	appendStringInfoString(&out, ", \"columns\": [");
	for (int i = 0; i < enc->nfeatures; i++)
		AppendFeature(&out, model, i);
	appendStringInfoChar(&out, ']');
	if (model->map != NULL)
	{
		appendStringInfoString(&out, ", \"calibration\": ");
		ScoreMapJson(&out, model->map);
	}
	if (model->trees != NULL)
		AppendImportance(&out, model);
	else
		AppendCoefficients(&out, model);
	appendStringInfoChar(&out, '}');

	described = DirectFunctionCall1(jsonb_in, CStringGetDatum(out.data));
	PG_RETURN_DATUM(DirectFunctionCall2(jsonb_concat,
										JsonbPGetDatum(ModelInfo(model)),
										described));
}
