/*-------------------------------------------------------------------------
 *
 * driftoptions.c
 *	  What lead_drift() can be asked for, parsed from one jsonb.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "drift.h"
#include "options.h"

const char *const drift_method_names[] = {"auto", "psi", "jensenshannon",
"wasserstein", "ks", "chisquare", "z"};

static void ReadColumns(DriftOptions *opt, JsonbContainer *object);

/* The members of an object: of the options, or of a column's. */
static void
ReadObject(DriftOptions *opt, ColumnChoice *choice, JsonbContainer *object, const char *prefix)
{
	JsonbIterator *it = JsonbIteratorInit(object);
	JsonbIteratorToken token;
	JsonbValue	v;
	char	   *path = "";
	OptionReader r = {NULL, &v};

	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		const char *key;

		if (token == WJB_KEY)
			path = psprintf("%s%s", prefix, pnstrdup(v.val.string.val, v.val.string.len));
		if (token != WJB_VALUE)
			continue;
		key = path + strlen(prefix);
		r.path = path;
		if (strcmp(key, "method") == 0)
		{
			choice->method = OptionWord(&r, drift_method_names, lengthof(drift_method_names));
			choice->chosen = true;
		}
		else if (strcmp(key, "threshold") == 0)
			choice->threshold = OptionNumber(&r, 0, 1e9, "a number of at least 0");
		else if (strcmp(key, "alpha") == 0 && choice->column == NULL)
			opt->alpha = OptionNumber(&r, 1e-12, 0.5, "a number above 0 up to 0.5");
		else if (strcmp(key, "columns") == 0 && choice->column == NULL)
		{
			if (v.type != jbvBinary || !JsonContainerIsObject(v.val.binary.data))
				OptionBad(&r, "an object of objects, such as {\"city\": {\"method\": \"psi\"}}");
			ReadColumns(opt, v.val.binary.data);
		}
		else
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown option \"%s\"", path),
					 errhint(choice->column == NULL ?
							 "The options are: alpha, columns, method, threshold." :
							 "The options are: method, threshold.")));
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
			{
				OptionReader r = {psprintf("columns.%s", name), &v};

				OptionBad(&r, "an object");
			}
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
	OptionsCheckObject(given, "{\"method\": \"psi\", \"columns\": {\"city\": {\"threshold\": 0.2}}}");
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
			if (opt->choices[i].chosen)
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
