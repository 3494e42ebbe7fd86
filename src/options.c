/*-------------------------------------------------------------------------
 *
 * options.c
 *	  One jsonb of options into one struct, every mistake named.
 *
 * Aggregates have neither named arguments nor defaults, so options are a JSON
 * object.  What a typing error would silently do elsewhere is an error here:
 * an option that doesn't exist (with the list of those that do), one of the
 * wrong type, one out of range, and one that acts in another step.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "frame.h"
#include "options.h"
#include "scoremap.h"

void
OptionBad(const OptionReader *r, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\"", r->path),
			 errdetail("It must be %s.", expected)));
}

static char *
Utf8String(const JsonbValue *v)
{
	int			len;
	char	   *s = TextToUtf8(v->val.string.val, v->val.string.len, &len);

	return pnstrdup(s, len);
}

static char *
ReadString(const OptionReader *r, const char *expected)
{
	if (r->v->type != jbvString || r->v->val.string.len == 0)
		OptionBad(r, expected);
	return Utf8String(r->v);
}

static bool
ReadBool(const OptionReader *r)
{
	if (r->v->type != jbvBool)
		OptionBad(r, "true or false");
	return r->v->val.boolean;
}

double
OptionNumber(const OptionReader *r, double low, double high, const char *expected)
{
	double		x;

	if (r->v->type != jbvNumeric)
		OptionBad(r, expected);
	x = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
										   NumericGetDatum(r->v->val.numeric)));
	if (!(x >= low && x <= high))
		OptionBad(r, expected);
	return x;
}

static int
ReadInt(const OptionReader *r, int low, int high)
{
	char	   *expected = psprintf("a whole number from %d to %d", low, high);
	double		x = OptionNumber(r, low, high, expected);

	if (x != floor(x))
		OptionBad(r, expected);
	return (int) x;
}

/* One of some words; the index of the word. */
int
OptionWord(const OptionReader *r, const char *const *words, int n)
{
	StringInfoData expected;

	initStringInfo(&expected);
	for (int i = 0; i < n; i++)
	{
		if (r->v->type == jbvString &&
			r->v->val.string.len == strlen(words[i]) &&
			memcmp(r->v->val.string.val, words[i], strlen(words[i])) == 0)
			return i;
		appendStringInfo(&expected, "%s\"%s\"", i == 0 ? "" : i == n - 1 ? " or " : ", ",
						 words[i]);
	}
	OptionBad(r, expected.data);
	return -1;
}

/* A list of strings; a single string counts as a list of one. */
static List *
ReadStrings(const OptionReader *r, const char *expected)
{
	List	   *list = NIL;
	JsonbContainer *array;

	if (r->v->type == jbvString)
		return list_make1(ReadString(r, expected));
	if (r->v->type != jbvBinary || !JsonContainerIsArray(r->v->val.binary.data))
		OptionBad(r, expected);
	array = r->v->val.binary.data;
	for (uint32 i = 0; i < JsonContainerSize(array); i++)
	{
		JsonbValue *e = getIthJsonbValueFromContainer(array, i);

		if (e->type != jbvString || e->val.string.len == 0)
			OptionBad(r, expected);
		list = lappend(list, Utf8String(e));
	}
	return list;
}

static void
ReadClassWeight(const OptionReader *r, Options *opt)
{
	static const char *const keys[] = {"false", "true"};
	const char *expected = "\"balanced\", or an object such as {\"false\": 1, \"true\": 5}";

	if (r->v->type == jbvString && r->v->val.string.len == 8 &&
		memcmp(r->v->val.string.val, "balanced", 8) == 0)
	{
		opt->class_weight_kind = CLASS_WEIGHT_BALANCED;
		return;
	}
	if (r->v->type != jbvBinary || !JsonContainerIsObject(r->v->val.binary.data) ||
		JsonContainerSize(r->v->val.binary.data) != 2)
		OptionBad(r, expected);
	opt->class_weight_kind = CLASS_WEIGHT_GIVEN;
	for (int i = 0; i < 2; i++)
	{
		JsonbValue	key;
		OptionReader member = {r->path, NULL};

		key.type = jbvString;
		key.val.string.val = unconstify(char *, keys[i]);
		key.val.string.len = strlen(keys[i]);
		member.v = findJsonbValueFromContainer(r->v->val.binary.data, JB_FOBJECT, &key);
		if (member.v == NULL)
			OptionBad(r, expected);
		opt->class_weight[i] = OptionNumber(&member, 1e-9, 1e9, expected);
	}
}

static List *
ReadParts(const OptionReader *r)
{
	static const char *const words[] = {"hour", "dow", "day", "month", "quarter", "year"};
	static const Transform parts[] = {TRANSFORM_HOUR, TRANSFORM_DOW, TRANSFORM_DAY,
	TRANSFORM_MONTH, TRANSFORM_QUARTER, TRANSFORM_YEAR};
	const char *expected = "an array of \"hour\", \"dow\", \"day\", \"month\", \"quarter\" or \"year\"";
	List	   *names = ReadStrings(r, expected);
	List	   *list = NIL;
	ListCell   *lc;

	foreach(lc, names)
	{
		int			i = 0;

		while (i < lengthof(words) && strcmp(words[i], lfirst(lc)) != 0)
			i++;
		if (i == lengthof(words))
			OptionBad(r, expected);
		list = list_append_unique_int(list, parts[i]);
	}
	return list;
}

/* ---- the two tables of options: of a call, and of a column ---- */

typedef struct OptionSpec
{
	const char *name;
	int			kinds;			/* OPTIONS_…: the calls that may have it */
	int			families;		/* of models that know it */
} OptionSpec;

#define LINE	(1 << FAMILY_LOGISTIC)
#define FOREST	(1 << FAMILY_FOREST)
#define BOOST	(1 << FAMILY_BOOST)
#define TREES	(FOREST | BOOST)
#define ALL		(LINE | TREES)

static const char *const family_names[] = {"logistic", "forest", "boost"};

static const OptionSpec call_options[] = {
	{"allow", OPTIONS_FIT, ALL}, {"alpha", OPTIONS_FIT, LINE},
	{"bins", OPTIONS_LABEL, ALL}, {"calibrate", OPTIONS_FIT, ALL}, {"class_weight", OPTIONS_FIT, ALL},
	{"colsample", OPTIONS_FIT, BOOST},
	{"columns", OPTIONS_FRAME | OPTIONS_FIT | OPTIONS_LABEL, ALL},
	{"confidence", OPTIONS_FIT, LINE}, {"correct", OPTIONS_FIT, ALL},
	{"covariance", OPTIONS_FIT, LINE}, {"depth", OPTIONS_FIT, TREES},
	{"early_stopping", OPTIONS_FIT, BOOST},
	{"exclude", OPTIONS_FRAME | OPTIONS_FIT | OPTIONS_LABEL, ALL},
	{"family", OPTIONS_FIT, ALL}, {"firth", OPTIONS_FIT, LINE},
	{"group", OPTIONS_FRAME, ALL}, {"holdout", OPTIONS_FIT, BOOST},
	{"lambda", OPTIONS_FIT, LINE | BOOST}, {"leaves", OPTIONS_FIT, BOOST},
	{"max_bins", OPTIONS_FIT, TREES}, {"max_distinct", OPTIONS_FRAME, ALL},
	{"max_iterations", OPTIONS_FIT, LINE},
	{"max_levels", OPTIONS_FIT | OPTIONS_LABEL, ALL},
	{"min_count", OPTIONS_FIT | OPTIONS_LABEL, ALL},
	{"min_gain", OPTIONS_FIT, BOOST}, {"min_leaf", OPTIONS_FIT, TREES},
	{"mtry", OPTIONS_FIT, FOREST | BOOST}, {"names", OPTIONS_FRAME | OPTIONS_PROFILE, ALL},
	{"offset", OPTIONS_FRAME, ALL}, {"rate", OPTIONS_FIT, BOOST},
	{"reference", OPTIONS_FIT, LINE}, {"robust", OPTIONS_FIT, LINE},
	{"seed", OPTIONS_FIT, TREES}, {"separation", OPTIONS_FIT, LINE},
	{"standardize", OPTIONS_FIT, LINE}, {"subsample", OPTIONS_FIT, TREES},
	{"time", OPTIONS_FRAME, ALL}, {"timezone", OPTIONS_FRAME, ALL},
	{"tolerance", OPTIONS_FIT, LINE}, {"trees", OPTIONS_FIT, TREES},
	{"unseen", OPTIONS_FIT, ALL}, {"untrainable", OPTIONS_FIT, ALL},
	{"weight", OPTIONS_FRAME, ALL},
};

static const OptionSpec column_options[] = {
	{"as", OPTIONS_FIT | OPTIONS_LABEL, ALL}, {"bins", OPTIONS_FIT | OPTIONS_LABEL, ALL},
	{"max_levels", OPTIONS_FIT | OPTIONS_LABEL, ALL},
	{"min_count", OPTIONS_FIT | OPTIONS_LABEL, ALL},
	{"monotone", OPTIONS_FIT, BOOST}, {"parts", OPTIONS_FRAME, ALL},
	{"reference", OPTIONS_FIT, LINE}, {"transform", OPTIONS_FIT, LINE},
	{"unseen", OPTIONS_FIT, ALL},
};

/* Those that ReadInt() reads. */
static const char *const whole_options[] = {
	"bins", "depth", "early_stopping", "leaves", "max_bins", "max_distinct", "max_iterations",
	"max_levels", "min_count", "min_leaf", "mtry", "seed", "trees",
};

/* Also one of a column, "columns.city.bins". */
bool
OptionIsWhole(const char *name)
{
	const char *dot = strrchr(name, '.');

	if (dot != NULL)
		name = dot + 1;
	for (int i = 0; i < lengthof(whole_options); i++)
		if (strcmp(whole_options[i], name) == 0)
			return true;
	return false;
}

/* An error unless `name` is in the table and acts in this kind of call. */
static void
CheckOption(const OptionSpec *specs, int n, const char *name, const char *path,
			int kinds, TreeFamily family)
{
	StringInfoData known;
	bool		misfit = false;

	initStringInfo(&known);
	for (int i = 0; i < n; i++)
	{
		bool		fits = (specs[i].families & (1 << family)) != 0;

		if (strcmp(specs[i].name, name) == 0 && !fits)
			misfit = true;
		else if (strcmp(specs[i].name, name) == 0)
		{
			bool		acts = (specs[i].kinds & kinds) != 0;

			/* whoever only looks at rows knows nothing of frames and fits */
			if (!acts && (kinds & (OPTIONS_PROFILE | OPTIONS_LABEL)) != 0)
				continue;
			if (!acts)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("option \"%s\" does not act here", path),
						 (kinds & OPTIONS_FIT) == 0 ?
						 errdetail("It acts when a model is fitted, not when a frame is built.") :
						 errdetail("It acts when a frame is built, and this frame is already there."),
						 (kinds & OPTIONS_FIT) == 0 ?
						 errhint("Give it to lead_fit().") :
						 errhint("Give it to lead_frame() or lead_train().")));
			return;
		}
		if ((specs[i].kinds & kinds) && fits)
			appendStringInfo(&known, "%s%s", known.len > 0 ? ", " : "", specs[i].name);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 misfit ? errmsg("option \"%s\" does not act in a model of family \"%s\"",
							 path, family_names[family]) :
			 errmsg("unknown option \"%s\"", path),
			 errhint("The options are: %s.", known.data)));
}

static int
ReadUnseen(const OptionReader *r)
{
	static const char *const words[] = {"other", "error"};

	return OptionWord(r, words, 2);
}

static void
ReadColumnOption(ColumnOptions *c, const char *name, const OptionReader *r)
{
	static const char *const as[] = {"number", "categorical"};
	static const char *const transforms[] = {"none", "log1p"};
	static const char *const directions[] = {"increasing", "decreasing"};

	if (strcmp(name, "as") == 0)
		c->as = OptionWord(r, as, 2) == 0 ? TREAT_NUMBER : TREAT_CATEGORICAL;
	else if (strcmp(name, "bins") == 0)
		c->bins = ReadInt(r, 2, 255);
	else if (strcmp(name, "max_levels") == 0)
		c->max_levels = ReadInt(r, 1, LEADSCORE_MAX_DESIGN);
	else if (strcmp(name, "min_count") == 0)
		c->min_count = ReadInt(r, 1, INT_MAX);
	else if (strcmp(name, "parts") == 0)
		c->parts = ReadParts(r);
	else if (strcmp(name, "monotone") == 0)
		c->monotone = OptionWord(r, directions, 2) == 0 ? 1 : -1;
	else if (strcmp(name, "reference") == 0)
		c->reference = ReadString(r, "a level, or \"first\"");
	else if (strcmp(name, "transform") == 0)
		c->transform = OptionWord(r, transforms, 2) == 0 ? TRANSFORM_NONE : TRANSFORM_LOG1P;
	else if (strcmp(name, "unseen") == 0)
		c->unseen_error = ReadUnseen(r);
}

static void
ReadColumns(Options *opt, const OptionReader *r, int kinds)
{
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	v;
	ColumnOptions *c = NULL;
	const char *expected = "an object of objects, such as {\"city\": {\"max_levels\": 50}}";
	char	   *option = NULL;

	if (r->v->type != jbvBinary || !JsonContainerIsObject(r->v->val.binary.data))
		OptionBad(r, expected);
	it = JsonbIteratorInit(r->v->val.binary.data);
	token = JsonbIteratorNext(&it, &v, false);	/* the outer object begins */
	while ((token = JsonbIteratorNext(&it, &v, c != NULL)) != WJB_DONE)
	{
		OptionReader member = {NULL, &v};

		if (token == WJB_KEY && c == NULL)
		{
			/* a column: its options must be an object */
			c = palloc0(sizeof(ColumnOptions));
			c->name = Utf8String(&v);
			c->min_count = c->max_levels = c->unseen_error = -1;
			token = JsonbIteratorNext(&it, &v, false);
			if (token != WJB_BEGIN_OBJECT)
				OptionBad(r, expected);
			opt->columns = lappend(opt->columns, c);
		}
		else if (token == WJB_END_OBJECT)
			c = NULL;
		else if (token == WJB_KEY)
			option = pnstrdup(v.val.string.val, v.val.string.len);
		else if (token == WJB_VALUE)
		{
			member.path = psprintf("columns.%s.%s",
								   TextFromUtf8(c->name, strlen(c->name)), option);
			CheckOption(column_options, lengthof(column_options), option,
						member.path, kinds, opt->family);
			ReadColumnOption(c, option, &member);
		}
	}
}

static void
ReadFrameOption(Options *opt, const char *name, const OptionReader *r)
{
	const char *column = "the name of a column";

	if (strcmp(name, "weight") == 0)
		opt->weight = ReadString(r, column);
	else if (strcmp(name, "offset") == 0)
		opt->offset = ReadString(r, column);
	else if (strcmp(name, "group") == 0)
		opt->group = ReadString(r, column);
	else if (strcmp(name, "time") == 0)
		opt->time = ReadString(r, column);
	else if (strcmp(name, "timezone") == 0)
		opt->timezone = ReadString(r, "the name of a time zone");
	else if (strcmp(name, "max_distinct") == 0)
		opt->max_distinct = ReadInt(r, 1, FRAME_MAX_DISTINCT_LIMIT);
	else if (strcmp(name, "names") == 0)
	{
		(void) ReadStrings(r, "an array of column names, one per value");
		opt->names = JsonbValueToJsonb(unconstify(JsonbValue *, r->v));
	}
}

static void
ReadFitOption(Options *opt, const char *name, const OptionReader *r)
{
	static const char *const separation[] = {"ridge", "firth", "error"};
	static const char *const references[] = {"most frequent", "first"};
	static const char *const untrainable[] = {"error", "null"};

	if (strcmp(name, "allow") == 0)
		opt->allow = ReadStrings(r, "an array of column names");
	else if (strcmp(name, "alpha") == 0)
		opt->alpha = OptionNumber(r, 0, 1, "a number from 0 (ridge) to 1 (lasso)");
	else if (strcmp(name, "calibrate") == 0)
		opt->calibrate = OptionWord(r, map_method_names, MAP_METHOD_LAST + 1);
	else if (strcmp(name, "class_weight") == 0)
		ReadClassWeight(r, opt);
	else if (strcmp(name, "confidence") == 0)
		opt->confidence = OptionNumber(r, 0.5, 0.999999, "a number from 0.5 to 0.999999");
	else if (strcmp(name, "correct") == 0)
		opt->correct = ReadBool(r);
	else if (strcmp(name, "covariance") == 0)
		opt->covariance = ReadBool(r);
	else if (strcmp(name, "firth") == 0)
		opt->firth = ReadBool(r);
	else if (strcmp(name, "lambda") == 0)
		opt->lambda = OptionNumber(r, 0, 1e12, "a number from 0 to 1e12");
	else if (strcmp(name, "max_iterations") == 0)
		opt->max_iterations = ReadInt(r, 1, 100000);
	else if (strcmp(name, "bins") == 0)
		opt->bins = ReadInt(r, 2, 255);
	else if (strcmp(name, "max_levels") == 0)
		opt->max_levels = ReadInt(r, 1, LEADSCORE_MAX_DESIGN);
	else if (strcmp(name, "min_count") == 0)
		opt->min_count = ReadInt(r, 1, INT_MAX);
	else if (strcmp(name, "reference") == 0)
		opt->reference = OptionWord(r, references, 2) == 1 ? pstrdup("first") : NULL;
	else if (strcmp(name, "robust") == 0)
		opt->robust = ReadBool(r);
	else if (strcmp(name, "separation") == 0)
		opt->separation = (OnSeparation) OptionWord(r, separation, 3);
	else if (strcmp(name, "standardize") == 0)
		opt->standardize = ReadBool(r);
	else if (strcmp(name, "tolerance") == 0)
		opt->tolerance = OptionNumber(r, 1e-14, 0.1, "a number from 1e-14 to 0.1");
	else if (strcmp(name, "unseen") == 0)
		opt->unseen_error = ReadUnseen(r);
	else if (strcmp(name, "untrainable") == 0)
		opt->untrainable_null = OptionWord(r, untrainable, 2);
}

static void
ReadTreeOption(Options *opt, const char *name, const OptionReader *r)
{
	const char *share = "a number above 0 and up to 1";

	if (strcmp(name, "trees") == 0)
		opt->trees = ReadInt(r, 1, TREE_MAX_TREES);
	else if (strcmp(name, "depth") == 0)
		opt->depth = ReadInt(r, 1, TREE_MAX_DEPTH);
	else if (strcmp(name, "leaves") == 0)
		opt->leaves = ReadInt(r, 2, 4096);
	else if (strcmp(name, "min_leaf") == 0)
		opt->min_leaf = ReadInt(r, 1, INT_MAX);
	else if (strcmp(name, "max_bins") == 0)
		opt->max_bins = ReadInt(r, 2, TREE_MAX_BINS - 1);
	else if (strcmp(name, "mtry") == 0)
		opt->mtry = ReadInt(r, 1, LEADSCORE_MAX_COLUMNS);
	else if (strcmp(name, "rate") == 0)
		opt->rate = OptionNumber(r, 1e-6, 1, share);
	else if (strcmp(name, "subsample") == 0)
		opt->subsample = OptionNumber(r, 1e-6, 1, share);
	else if (strcmp(name, "colsample") == 0)
		opt->colsample = OptionNumber(r, 1e-6, 1, share);
	else if (strcmp(name, "min_gain") == 0)
		opt->min_gain = OptionNumber(r, 0, 1e12, "a number from 0 to 1e12");
	else if (strcmp(name, "early_stopping") == 0)
		opt->early_stopping = ReadInt(r, 0, TREE_MAX_TREES);
	else if (strcmp(name, "holdout") == 0)
		opt->holdout = OptionNumber(r, 0.01, 0.9, "a number from 0.01 to 0.9");
	else if (strcmp(name, "seed") == 0)
		opt->seed = ReadInt(r, INT_MIN, INT_MAX);
}

/* The family, which decides what else there may be. */
static TreeFamily
ReadFamily(const Jsonb *given)
{
	JsonbValue	key;
	OptionReader r = {"family", NULL};

	key.type = jbvString;
	key.val.string.val = "family";
	key.val.string.len = strlen("family");
	r.v = findJsonbValueFromContainer(unconstify(JsonbContainer *, &given->root),
									  JB_FOBJECT, &key);
	if (r.v == NULL)
		return FAMILY_LOGISTIC;
	return (TreeFamily) OptionWord(&r, family_names, lengthof(family_names));
}

/* What a family does where nothing is said. */
static void
FamilyDefaults(Options *opt)
{
	bool		boost = (opt->family == FAMILY_BOOST);

	opt->lambda = boost ? 1 : 0;
	opt->trees = 100;
	opt->depth = boost ? 5 : 16;
	opt->min_leaf = boost ? 20 : 5;
	opt->max_bins = TREE_MAX_BINS - 1;
	opt->rate = 0.1;
	opt->subsample = opt->colsample = 1;
	opt->holdout = 0.2;
	if (opt->family != FAMILY_LOGISTIC)
		opt->max_levels = TREE_MAX_BINS - 2;	/* the others, and NULL */
}

/* Options that contradict each other. */
static void
CheckTogether(const Options *opt)
{
	const char *why = NULL;
	int			levels = opt->max_levels;
	ListCell   *lc;

	foreach(lc, opt->columns)
		levels = Max(levels, ((ColumnOptions *) lfirst(lc))->max_levels);
	if (opt->firth && opt->lambda > 0)
		why = "\"firth\" is a penalty of its own and does not go with \"lambda\".";
	else if (opt->robust && (opt->lambda > 0 || opt->firth))
		why = "\"robust\" errors are for fits without a penalty.";
	else if (opt->family != FAMILY_LOGISTIC && levels > TREE_MAX_BINS - 2)
		why = psprintf("Trees take at most %d levels of a column (\"max_levels\").",
					   TREE_MAX_BINS - 2);
	else if (opt->alpha > 0 && opt->lambda == 0)
		why = "\"alpha\" shares out the penalty \"lambda\", which is 0.";
	if (why != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options contradict each other"),
				 errdetail("%s", why)));
}

void
OptionsCheckObject(const Jsonb *given, const char *example)
{
	if (!JB_ROOT_IS_OBJECT(given))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be a JSON object"),
				 errhint("For example %s.", example)));
}

/* The options of a call; `kinds` says which ones it may have. */
Options *
OptionsParse(const Jsonb *given, int kinds)
{
	Options    *opt = palloc0(sizeof(Options));
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	v;

	opt->given = given;
	opt->max_distinct = FRAME_MAX_DISTINCT;
	opt->min_count = 20;
	opt->max_levels = 255;
	opt->bins = 10;
	opt->standardize = true;
	opt->class_weight[0] = opt->class_weight[1] = 1;
	opt->correct = true;
	opt->covariance = true;
	opt->confidence = 0.95;
	FamilyDefaults(opt);
	if (given == NULL)
		return opt;
	OptionsCheckObject(given, kinds == OPTIONS_LABEL ? "{\"bins\": 5}" :
					   "{\"exclude\": [\"lead_id\"], \"lambda\": 1}");
	opt->family = ReadFamily(given);
	FamilyDefaults(opt);
	it = JsonbIteratorInit(unconstify(JsonbContainer *, &given->root));
	token = JsonbIteratorNext(&it, &v, false);
	while ((token = JsonbIteratorNext(&it, &v, true)) == WJB_KEY)
	{
		char	   *name = pnstrdup(v.val.string.val, v.val.string.len);
		OptionReader r = {name, &v};

		CheckOption(call_options, lengthof(call_options), name, name, kinds,
					opt->family);
		token = JsonbIteratorNext(&it, &v, true);
		if (strcmp(name, "columns") == 0)
			ReadColumns(opt, &r, kinds);
		else if (strcmp(name, "exclude") == 0)
			opt->exclude = ReadStrings(&r, "an array of column names");
		else
		{
			ReadFrameOption(opt, name, &r);
			ReadFitOption(opt, name, &r);
			ReadTreeOption(opt, name, &r);
		}
	}
	CheckTogether(opt);
	return opt;
}

ColumnOptions *
OptionsForColumn(const Options *opt, const char *name)
{
	ListCell   *lc;

	foreach(lc, opt->columns)
	{
		ColumnOptions *c = lfirst(lc);

		if (strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

bool
NameInList(const List *names, const char *name)
{
	ListCell   *lc;

	foreach(lc, names)
		if (strcmp(lfirst(lc), name) == 0)
			return true;
	return false;
}
