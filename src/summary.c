/*-------------------------------------------------------------------------
 *
 * summary.c
 *	  lead_summary(): a model as text, in the order of R's summary of a glm.
 *
 * The table of coefficients comes from the bytes, everything else from the
 * description that the training wrote into the model.  All of its keys are
 * optional when reading: what is absent has no line.  Names and levels are
 * somebody's data, so control characters become blanks and long ones are cut,
 * or a single lead could break the table.
 *
 *-------------------------------------------------------------------------
 */
#include "summary.h"
#include "scoremap.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#define MAX_NAME_CHARS	60
#define MAX_NOTE_CHARS	300

/* ------------------------------------------------------------------------
 * Text
 * ------------------------------------------------------------------------
 */

/* On one line, in at most `most` characters.  `s` is in the server's encoding. */
static char *
OneLine(const char *s, int most)
{
	int			len = strlen(s);
	int			cut = pg_mbcharcliplen(s, len, most);
	char	   *result;

	if (cut < len)
		result = psprintf("%.*s...", pg_mbcharcliplen(s, len, most - 3), s);
	else
		result = pstrdup(s);
	for (char *c = result; *c; c++)
		if ((unsigned char) *c < 0x20 || *c == 0x7F)
			*c = ' ';
	return result;
}

char *
Utf8Line(const char *utf8)
{
	return OneLine(TextFromUtf8(utf8, strlen(utf8)), MAX_NAME_CHARS);
}

/* 24991 as 24,991; other numbers as they are. */
char *
CountText(double x)
{
	char	   *digits;
	int			len;
	StringInfoData out;

	if (x < 0 || x != floor(x) || x >= 1e15)
		return NumberText(x);

	digits = psprintf("%.0f", x);
	len = strlen(digits);
	initStringInfo(&out);
	for (int i = 0; i < len; i++)
	{
		if (i > 0 && (len - i) % 3 == 0)
			appendStringInfoChar(&out, ',');
		appendStringInfoChar(&out, digits[i]);
	}
	return out.data;
}

static char *
EstimateText(double x)
{
	if (isnan(x))
		return pstrdup("NA");
	if (x != 0 && (fabs(x) < 1e-3 || fabs(x) >= 1e6))
		return psprintf("%.4e", x);
	return psprintf("%.5f", x);
}

static char *
PText(double p)
{
	if (isnan(p))
		return pstrdup("NA");
	if (p < 2.2e-16)
		return pstrdup("< 2e-16");
	if (p < 1e-4)
		return psprintf("%.2e", p);
	return psprintf("%.4f", p);
}

static const char *
Stars(double p)
{
	if (isnan(p))
		return "";
	return p < 0.001 ? " ***" : p < 0.01 ? " **" : p < 0.05 ? " *" :
		p < 0.1 ? " ." : "";
}

/* Columns of a terminal; a Chinese character takes two. */
int
TextWidth(const char *s)
{
	int			width = 0;

	for (; *s; s += pg_mblen(s))
		width += Max(pg_dsplen(s), 0);
	return width;
}

void
AppendPadding(StringInfo out, int n)
{
	appendStringInfoSpaces(out, Max(n, 0));
}

/* ------------------------------------------------------------------------
 * The description of the fit
 * ------------------------------------------------------------------------
 */

static bool
Get(JsonbContainer *object, const char *key, JsonbValue *v)
{
	return getKeyJsonValueFromContainer(object, key, strlen(key), v) != NULL &&
		v->type != jbvNull;
}

double
GetNumber(JsonbContainer *object, const char *key)
{
	JsonbValue	v;

	if (!Get(object, key, &v) || v.type != jbvNumeric)
		return NAN;
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
											  NumericGetDatum(v.val.numeric)));
}

/* Any value as text on one line; documents as they are. */
static char *
ValueLine(JsonbValue *v)
{
	switch (v->type)
	{
		case jbvString:
			return OneLine(pnstrdup(v->val.string.val, v->val.string.len),
						   MAX_NOTE_CHARS);
		case jbvNumeric:
			return DatumGetCString(DirectFunctionCall1(numeric_out,
													   NumericGetDatum(v->val.numeric)));
		case jbvBool:
			return pstrdup(v->val.boolean ? "true" : "false");
		case jbvBinary:
			return JsonbToCString(NULL, v->val.binary.data, v->val.binary.len);
		default:
			return pstrdup("null");
	}
}

static char *
GetText(JsonbContainer *object, const char *key)
{
	JsonbValue	v;

	return Get(object, key, &v) ? ValueLine(&v) : NULL;
}

static char *
GetCount(JsonbContainer *object, const char *key)
{
	double		x = GetNumber(object, key);

	return isnan(x) ? NULL : CountText(x);
}

/* The array or object at `key`, or NULL if there is none or it is empty. */
JsonbContainer *
GetContainer(JsonbContainer *object, const char *key, bool array)
{
	JsonbValue	v;
	JsonbContainer *c;

	if (!Get(object, key, &v) || v.type != jbvBinary)
		return NULL;
	c = v.val.binary.data;
	if (JsonContainerIsArray(c) != array || JsonContainerSize(c) == 0)
		return NULL;
	return c;
}

/* An object inside an array, or NULL. */
static JsonbContainer *
ObjectAt(JsonbContainer *array, int i)
{
	JsonbValue *v = getIthJsonbValueFromContainer(array, i);

	if (v == NULL || v->type != jbvBinary ||
		!JsonContainerIsObject(v->val.binary.data))
		return NULL;
	return v->val.binary.data;
}

/* What a line lists at the most; lead_info() has all. */
#define MOST_JOINED	5

static char *
JoinTexts(JsonbContainer *array)
{
	StringInfoData out;
	int			n = JsonContainerSize(array);

	initStringInfo(&out);
	for (int i = 0; i < Min(n, MOST_JOINED); i++)
		appendStringInfo(&out, "%s%s", i > 0 ? ", " : "",
						 ValueLine(getIthJsonbValueFromContainer(array, i)));
	if (n > MOST_JOINED)
		appendStringInfo(&out, " and %d more", n - MOST_JOINED);
	return out.data;
}

/* ------------------------------------------------------------------------
 * Above the table: what was fitted to what
 * ------------------------------------------------------------------------
 */

/* What was done to the log-odds since the training, in this order. */
static void
AppendRecalibrations(StringInfo out, JsonbContainer *info)
{
	JsonbContainer *array = GetContainer(info, "recalibrations", true);

	for (int i = 0; array != NULL && i < JsonContainerSize(array); i++)
	{
		JsonbContainer *c = ObjectAt(array, i);

		if (c == NULL)
			continue;
		appendStringInfo(out, "Recalibrated on %s rows: log-odds = %.5g + ",
						 GetCount(c, "rows"), GetNumber(c, "intercept"));
		if (GetNumber(c, "slope") != 1)
			appendStringInfo(out, "%.5g x ", GetNumber(c, "slope"));
		appendStringInfoString(out, "log-odds before\n");
	}
}

/* What is done to the scores of the model. */
static void
AppendCalibration(StringInfo out, const ScoreMap *map)
{
	if (map == NULL)
		return;
	appendStringInfo(out, "Calibrated (%s)", map_method_names[map->method]);
	if (map->rows > 0)
		appendStringInfo(out, " on %s %s", CountText(map->rows),
						 map->folds > 0 ? "out-of-fold scores" : "rows");
	if (map->method == MAP_PLATT)
		appendStringInfo(out, ": log-odds = %.5g + %.5g x log-odds of the raw score\n",
						 map->intercept, map->slope);
	else
		appendStringInfo(out, ": %s points from %.4f to %.4f\n", CountText(map->npoints),
						 map->score[0], map->score[map->npoints - 1]);
}

/* What was asked for: "names", of a training from single values, are the columns. */
static void
AppendOptions(StringInfo out, JsonbContainer *info)
{
	JsonbValue	v;
	Jsonb	   *asked;

	if (!Get(info, "options", &v) || v.type != jbvBinary)
		return;
	asked = DatumGetJsonbP(DirectFunctionCall2(jsonb_delete,
											   JsonbPGetDatum(JsonbValueToJsonb(&v)),
											   CStringGetTextDatum("names")));
	if (JB_ROOT_COUNT(asked) > 0)
		appendStringInfo(out, "Options: %s\n",
						 JsonbToCString(NULL, &asked->root, 0));
}

static void
AppendHead(StringInfo out, const Model *model, JsonbContainer *info)
{
	bool		trees = (model->trees != NULL);
	char	   *fit = GetText(info, "fit");
	char	   *rows = GetCount(info, "rows");
	char	   *positives = GetCount(info, "positives");
	char	   *negatives = GetCount(info, "negatives");
	double		unknown = GetNumber(info, "unknown");
	char	   *patterns = GetCount(info, "patterns");
	char	   *weights = GetCount(info, "weight_sum");
	JsonbContainer *c;

	if (trees)
		appendStringInfo(out, "Trees: %s\n\n", fit ? fit : "");
	else
		appendStringInfo(out, "Logistic regression%s%s\n\n", fit ? ", " : "",
						 fit ? fit : "");

	if (rows)
	{
		appendStringInfo(out, "Rows: %s", rows);
		if (positives && negatives)
			appendStringInfo(out, " (%s positive, %s negative)", positives,
							 negatives);
		if (patterns)
			appendStringInfo(out, ", %s distinct", patterns);
		appendStringInfoChar(out, '\n');
	}
	if (unknown > 0)
		appendStringInfo(out, "Rows with unknown label, not used: %s\n",
						 CountText(unknown));
	if (weights && (!rows || strcmp(weights, rows) != 0))
		appendStringInfo(out, "Sum of weights: %s\n", weights);
	if ((c = GetContainer(info, "roles", false)) != NULL)
		appendStringInfo(out, "Roles: %s\n", JsonbToCString(NULL, c, 0));
	AppendOptions(out, info);
	if (!isnan(GetNumber(info, "lambda")) && GetNumber(info, "lambda") > 0)
	{
		appendStringInfo(out, "Penalty: lambda = %s",
						 NumberText(GetNumber(info, "lambda")));
		if (!isnan(GetNumber(info, "alpha")))
			appendStringInfo(out, ", alpha = %s",
							 NumberText(GetNumber(info, "alpha")));
		appendStringInfoChar(out, '\n');
	}
	if ((c = GetContainer(info, "class_weight", true)) != NULL)
		appendStringInfo(out, "Class weights (false, true): %s\n", JoinTexts(c));
	AppendRecalibrations(out, info);
	AppendCalibration(out, model->map);
}

/* ------------------------------------------------------------------------
 * The table
 * ------------------------------------------------------------------------
 */

#define TABLE_COLUMNS	4

typedef struct TableRow
{
	char	   *name;
	char	   *cell[TABLE_COLUMNS];
	const char *stars;
} TableRow;

/* How many columns have something to say. */
static int
TableWidth(const Model *model)
{
	if (model->std_error == NULL || model->inference == INFERENCE_NONE)
		return 1;
	return model->inference == INFERENCE_PENALISED ? 2 : 4;
}

static void
FillRow(TableRow *row, const Model *model, int column)
{
	Coefficient c;

	ModelCoefficient(model, column, &c);
	row->name = Utf8Line(DesignColumnName(model->encoder, column));
	row->cell[0] = EstimateText(c.estimate);
	row->cell[1] = EstimateText(c.std_error);
	row->cell[2] = isnan(c.z) ? pstrdup("NA") : psprintf("%.3f", c.z);
	row->cell[3] = PText(c.p);
	row->stars = Stars(c.p);
}

static void
AppendTable(StringInfo out, const Model *model, bool recalibrated)
{
	static const char *const heads[TABLE_COLUMNS] = {
		"Estimate", "Std. Error", "z value", "Pr(>|z|)"
	};
	int			n = model->encoder->ncolumns;
	int			ncells = TableWidth(model);
	TableRow   *rows = palloc(sizeof(TableRow) * n);
	int			name_width = 0;
	int			width[TABLE_COLUMNS];

	for (int j = 0; j < ncells; j++)
		width[j] = strlen(heads[j]);
	for (int i = 0; i < n; i++)
	{
		FillRow(&rows[i], model, i);
		name_width = Max(name_width, TextWidth(rows[i].name));
		for (int j = 0; j < ncells; j++)
			width[j] = Max(width[j], (int) strlen(rows[i].cell[j]));
	}

	appendStringInfoString(out, "Coefficients:\n");
	AppendPadding(out, name_width);
	for (int j = 0; j < ncells; j++)
		appendStringInfo(out, "  %*s", width[j], heads[j]);
	appendStringInfoChar(out, '\n');
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		appendStringInfoString(out, rows[i].name);
		AppendPadding(out, name_width - TextWidth(rows[i].name));
		for (int j = 0; j < ncells; j++)
			appendStringInfo(out, "  %*s", width[j], rows[i].cell[j]);
		if (ncells == TABLE_COLUMNS)
			appendStringInfoString(out, rows[i].stars);
		appendStringInfoChar(out, '\n');
	}

	if (ncells == TABLE_COLUMNS)
		appendStringInfoString(out, "---\nSignif. codes:  "
							   "0 '***' 0.001 '**' 0.01 '*' 0.05 '.' 0.1 ' ' 1\n");
	else if (recalibrated && model->inference == INFERENCE_NONE)
		appendStringInfoString(out, "---\nA recalibrated model has no p-values "
							   "and no standard errors.\n");
	else
		appendStringInfo(out, "---\nA penalised fit has no p-values%s.\n",
						 ncells == 2 ? "; standard errors are those of the "
						 "penalised Hessian" : " and no standard errors");
	if (model->inference == INFERENCE_ROBUST)
		appendStringInfoString(out, "Standard errors are robust (HC0).\n");
}

static void
AppendReference(StringInfo out, const Encoder *enc, const Feature *f,
				DesignKind kind, int level, int column, bool *any)
{
	if (column != DESIGN_NONE)
		return;
	appendStringInfo(out, "%s%s=%s", *any ? ", " : "Reference levels: ",
					 Utf8Line(f->name),
					 Utf8Line(FeatureLevelText(enc, f, kind, level)));
	*any = true;
}

/* What the estimates of levels compare with. */
static void
AppendReferences(StringInfo out, const Encoder *enc)
{
	bool		any = false;

	for (int i = 0; i < enc->nfeatures; i++)
	{
		const Feature *f = &enc->features[i];

		if (f->kind == FEATURE_LEVELS)
		{
			for (int j = 0; j < f->nlevels; j++)
				AppendReference(out, enc, f, DESIGN_LEVEL, j,
								f->levels[j].column, &any);
			AppendReference(out, enc, f, DESIGN_OTHER, -1, f->other_column,
							&any);
		}
		else if (f->kind == FEATURE_BINS)
		{
			for (int j = 0; j <= f->nedges; j++)
				AppendReference(out, enc, f, DESIGN_BIN, j, f->bin_columns[j],
								&any);
		}
		else
			continue;
		AppendReference(out, enc, f, DESIGN_NULL_LEVEL, -1, f->null_column,
						&any);
	}
	if (any)
		appendStringInfoChar(out, '\n');
}

static void
AppendAliased(StringInfo out, const Model *model)
{
	int			n = 0;

	for (int i = 0; i < model->encoder->ncolumns; i++)
		n += model->aliased[i];
	if (n > 0)
		appendStringInfo(out, "(%d not estimated: NA, a combination of "
						 "columns above)\n", n);
}

/* ------------------------------------------------------------------------
 * Below the table: what was done to the data
 * ------------------------------------------------------------------------
 */

/* "  name: rest", one line per object of the array at `key` */
static void
AppendList(StringInfo out, JsonbContainer *info, const char *key,
		   const char *title,
		   void (*append) (StringInfo out, JsonbContainer *item))
{
	JsonbContainer *array = GetContainer(info, key, true);

	if (array == NULL)
		return;
	appendStringInfo(out, "\n%s:\n", title);
	for (int i = 0; i < JsonContainerSize(array); i++)
	{
		JsonbContainer *item = ObjectAt(array, i);
		char	   *column = item ? GetText(item, "column") : NULL;

		if (column == NULL)
			continue;
		appendStringInfo(out, "  %s:", OneLine(column, MAX_NAME_CHARS));
		append(out, item);
		appendStringInfoChar(out, '\n');
	}
}

static void
AppendLeftOut(StringInfo out, JsonbContainer *item)
{
	char	   *reason = GetText(item, "reason");
	char	   *detail = GetText(item, "detail");

	if (reason)
		appendStringInfo(out, " %s", reason);
	if (detail)
		appendStringInfo(out, " (%s)", detail);
}

static void
AppendPooled(StringInfo out, JsonbContainer *item)
{
	char	   *levels = GetCount(item, "levels");
	char	   *rows = GetCount(item, "rows");
	char	   *into = GetText(item, "into");

	if (levels)
		appendStringInfo(out, " %s levels", levels);
	if (rows)
		appendStringInfo(out, " with %s rows", rows);
	appendStringInfo(out, " as %s", into ? into : "(other)");
}

static void
AppendImputed(StringInfo out, JsonbContainer *item)
{
	char	   *rows = GetCount(item, "rows");
	char	   *value = GetText(item, "value");

	if (rows)
		appendStringInfo(out, " NULL in %s rows", rows);
	if (value)
		appendStringInfo(out, ", taken as %s", value);
}

static void
AppendSeparation(StringInfo out, JsonbContainer *info)
{
	JsonbContainer *c = GetContainer(info, "separation", false);
	JsonbContainer *columns;
	char	   *full;
	char	   *handled;

	if (c == NULL)
		return;
	full = GetText(c, "full");
	handled = GetText(c, "handled");
	columns = GetContainer(c, "columns", true);
	appendStringInfo(out, "\nSeparation: %s",
					 full && strcmp(full, "true") == 0 ? "complete" :
					 "quasi-complete");
	if (columns)
		appendStringInfo(out, ", by %s", JoinTexts(columns));
	if (handled)
		appendStringInfo(out, "; handled by %s", handled);
	appendStringInfoChar(out, '\n');
}

static void
AppendNotes(StringInfo out, JsonbContainer *info)
{
	JsonbContainer *notes = GetContainer(info, "notes", true);

	if (notes == NULL)
		return;
	appendStringInfoString(out, "\nNotes:\n");
	for (int i = 0; i < JsonContainerSize(notes); i++)
		appendStringInfo(out, "  %s\n",
						 ValueLine(getIthJsonbValueFromContainer(notes, i)));
}

/* ------------------------------------------------------------------------
 * The end: how well it fits, and how the fit went
 * ------------------------------------------------------------------------
 */

static void
AppendDeviance(StringInfo out, JsonbContainer *info, const char *title,
			   const char *key, const char *df_key)
{
	double		deviance = GetNumber(info, key);
	char	   *df = GetText(info, df_key);

	if (isnan(deviance))
		return;
	appendStringInfo(out, "%s: %.2f", title, deviance);
	if (df)
		appendStringInfo(out, "  on %s  degrees of freedom", df);
	appendStringInfoChar(out, '\n');
}

static void
AppendQuality(StringInfo out, JsonbContainer *info)
{
	static const char *const keys[] = {"aic", "bic", "mcfadden_r2",
	"condition_number"};
	static const char *const titles[] = {"AIC: %.2f", "BIC: %.2f",
		"McFadden R2: %.4f", "Condition number: %.4g"};
	const char *between = "";

	appendStringInfoChar(out, '\n');
	AppendDeviance(out, info, "    Null deviance", "null_deviance", "df_null");
	AppendDeviance(out, info, "Residual deviance", "deviance", "df_residual");
	for (int i = 0; i < lengthof(keys); i++)
	{
		double		x = GetNumber(info, keys[i]);

		if (isnan(x))
			continue;
		appendStringInfoString(out, between);
		appendStringInfo(out, titles[i], x);
		between = ",  ";
	}
	if (*between)
		appendStringInfoChar(out, '\n');
}

static void
AppendConvergence(StringInfo out, JsonbContainer *info)
{
	char	   *iterations = GetText(info, "iterations");
	char	   *converged = GetText(info, "converged");
	char	   *stop = GetText(info, "stop");
	double		gradient = GetNumber(info, "gradient_norm");

	if (iterations)
		appendStringInfo(out, "Number of iterations: %s", iterations);
	if (converged && strcmp(converged, "true") != 0)
		appendStringInfo(out, "%sNOT CONVERGED%s%s", iterations ? ",  " : "",
						 stop ? ": " : "", stop ? stop : "");
	if (iterations && !isnan(gradient))
		appendStringInfo(out, ",  largest gradient: %.1e", gradient);
	if (iterations || converged)
		appendStringInfoChar(out, '\n');
}

PG_FUNCTION_INFO_V1(lead_summary);
Datum
lead_summary(PG_FUNCTION_ARGS)
{
	Model	   *model = ModelDecode(PG_GETARG_DATUM(0), false);
	JsonbContainer *info = &ModelInfo(model)->root;
	StringInfoData out;

	initStringInfo(&out);
	AppendHead(&out, model, info);
	if (out.data[out.len - 2] != '\n')
		appendStringInfoChar(&out, '\n');
	if (model->trees != NULL)
		AppendTreeTable(&out, model, info);
	else
	{
		AppendTable(&out, model, GetContainer(info, "recalibrations", true) != NULL);
		AppendReferences(&out, model->encoder);
		AppendAliased(&out, model);
	}
	AppendList(&out, info, "left_out", "Left out", AppendLeftOut);
	AppendList(&out, info, "pooled", "Pooled", AppendPooled);
	AppendList(&out, info, "imputed", "Imputed", AppendImputed);
	AppendSeparation(&out, info);
	AppendNotes(&out, info);
	AppendQuality(&out, info);
	AppendConvergence(&out, info);

	while (out.len > 0 && out.data[out.len - 1] == '\n')
		out.len--;
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}
