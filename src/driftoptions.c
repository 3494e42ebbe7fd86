/*-------------------------------------------------------------------------
 *
 * driftoptions.c
 *	  What lead_drift() can be asked for, parsed from one jsonb.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "drift.h"

const char *const drift_method_names[] = {"auto", "psi", "jensenshannon",
"wasserstein", "ks", "chisquare", "z"};

pg_noreturn static void
BadOption(const char *path, const char *must)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\"", path),
			 errdetail("It must be %s.", must)));
}

static double
ReadNumber(const char *path, const JsonbValue *v, double low, double high, const char *must)
{
	double		x;

	if (v->type != jbvNumeric)
		BadOption(path, must);
	x = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
										   NumericGetDatum(v->val.numeric)));
	if (!(x >= low && x <= high))
		BadOption(path, must);
	return x;
}

static Method
ReadMethod(const char *path, const JsonbValue *v)
{
	for (int m = 0; v->type == jbvString && m < lengthof(drift_method_names); m++)
		if (strlen(drift_method_names[m]) == v->val.string.len &&
			memcmp(drift_method_names[m], v->val.string.val, v->val.string.len) == 0)
			return m;
	BadOption(path, "one of auto, psi, jensenshannon, wasserstein, ks, chisquare, z");
}

static void ReadColumns(DriftOptions *opt, JsonbContainer *object);

/* The members of an object: of the options, or of a column's. */
static void
ReadObject(DriftOptions *opt, ColumnChoice *choice, JsonbContainer *object, const char *prefix)
{
	JsonbIterator *it = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	v;
	char	   *path = "";

	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		const char *key;

		if (token == WJB_KEY)
			path = psprintf("%s%s", prefix, pnstrdup(v.val.string.val, v.val.string.len));
		if (token != WJB_VALUE)
			continue;
		key = path + strlen(prefix);
		if (strcmp(key, "method") == 0)
			choice->method = ReadMethod(path, &v);
		else if (strcmp(key, "threshold") == 0)
			choice->threshold = ReadNumber(path, &v, 0, 1e9, "a number of at least 0");
		else if (strcmp(key, "alpha") == 0 && choice->column == NULL)
			opt->alpha = ReadNumber(path, &v, 1e-12, 0.5, "a number above 0 up to 0.5");
		else if (strcmp(key, "columns") == 0 && choice->column == NULL)
		{
			if (v.type != jbvBinary || !JsonContainerIsObject(v.val.binary.data))
				BadOption(path, "an object, a column a member");
			ReadColumns(opt, v.val.binary.data);
		}
		else
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown option \"%s\"", path),
					 errhint(choice->column == NULL ?
							 "Options are method, threshold, alpha, columns." :
							 "Options of a column are method, threshold.")));
	}
}

static void
ReadColumns(DriftOptions *opt, JsonbContainer *object)
{
	JsonbIterator *it = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	v;
	ColumnChoice *choice = NULL;

	opt->choices = palloc0(sizeof(ColumnChoice) * Max(JsonContainerSize(object), 1));
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
		{
			int			len;
			char	   *name = TextToUtf8(v.val.string.val, v.val.string.len, &len);

			choice = &opt->choices[opt->nchoices++];
			choice->column = pnstrdup(name, len);
			choice->threshold = NAN;
		}
		else if (token == WJB_VALUE)
		{
			const char *name = TextFromUtf8(choice->column, strlen(choice->column));

			if (v.type != jbvBinary || !JsonContainerIsObject(v.val.binary.data))
				BadOption(psprintf("columns.%s", name), "an object");
			ReadObject(opt, choice, v.val.binary.data, psprintf("columns.%s.", name));
		}
	}
}

DriftOptions *
DriftOptionsParse(Jsonb *given)
{
	DriftOptions *opt = palloc0(sizeof(DriftOptions));

	opt->all.threshold = NAN;
	opt->alpha = 0.05;
	if (given == NULL)
		return opt;
	if (!JB_ROOT_IS_OBJECT(given))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be a JSON object"),
				 errhint("For example {\"method\": \"psi\", \"columns\": {\"city\": {\"threshold\": 0.2}}}.")));
	ReadObject(opt, &opt->all, &given->root, "");
	return opt;
}

ColumnChoice
DriftChoice(const DriftOptions *opt, const char *column)
{
	ColumnChoice choice = opt->all;

	for (int i = 0; i < opt->nchoices; i++)
		if (strcmp(opt->choices[i].column, column) == 0)
		{
			if (opt->choices[i].method != METHOD_AUTO)
			{
				choice.method = opt->choices[i].method;
				choice.threshold = NAN;
			}
			if (!isnan(opt->choices[i].threshold))
				choice.threshold = opt->choices[i].threshold;
		}
	return choice;
}

void
DriftOptionsCheckColumns(const DriftOptions *opt, const Profile *ref, const Profile *cur)
{
	for (int i = 0; i < opt->nchoices; i++)
		if (ProfileFindColumn(ref, opt->choices[i].column) == NULL &&
			ProfileFindColumn(cur, opt->choices[i].column) == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("option \"columns\" names \"%s\", which neither profile has",
							TextFromUtf8(opt->choices[i].column, strlen(opt->choices[i].column))),
					 errhint("lead_describe() lists the columns of a profile.")));
}
