/*-------------------------------------------------------------------------
 *
 * scoremapbytes.c
 *	  A calibration in the bytes of a model, and as a document.
 *
 * It ends the scoring part of format 3:
 *
 *	u8 method (1 platt, 2 isotonic), u32 folds, u64 rows, u64 positives
 *	platt		f64 intercept, f64 slope
 *	isotonic	u32 n, n × f64 raw score, n × f64 score
 *
 * As a document: {"method": "platt", "intercept": …, "slope": …} or {"method":
 * "isotonic", "raw": […], "score": […]}, either with "rows", "positives", "folds".
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "account.h"
#include "bytes.h"
#include "scoremap.h"
#include "utils/builtins.h"

/* ---- bytes ---- */

void
ScoreMapWrite(StringInfo out, const ScoreMap *map)
{
	PutU8(out, map->method);
	PutU32(out, map->folds);
	PutU64(out, map->rows);
	PutU64(out, map->positives);
	if (map->method == MAP_PLATT)
	{
		PutF64(out, map->intercept);
		PutF64(out, map->slope);
		return;
	}
	PutU32(out, map->npoints);
	PutF64s(out, map->raw, map->npoints);
	PutF64s(out, map->score, map->npoints);
}

static double *
GetPoints(Reader *r, int n)
{
	double	   *x = palloc(sizeof(double) * Max(n, 1));

	for (int i = 0; i < n; i++)
		x[i] = GetF64(r);
	return x;
}

/* In the current context. */
ScoreMap *
ScoreMapRead(Reader *r)
{
	ScoreMap   *map = palloc0(sizeof(ScoreMap));
	const char *problem;

	map->method = GetU8(r);
	if (map->method == MAP_NONE || map->method > MAP_METHOD_LAST)
		ReaderFail(r, "The method of the calibration is unknown.");
	map->folds = GetI32(r);
	map->rows = (int64) GetU64(r);
	map->positives = (int64) GetU64(r);
	if (map->method == MAP_PLATT)
	{
		map->intercept = GetF64(r);
		map->slope = GetF64(r);
	}
	else
	{
		map->npoints = GetCount(r, MAP_MAX_POINTS, 2 * sizeof(double),
								"The calibration has too many points.");
		map->raw = GetPoints(r, map->npoints);
		map->score = GetPoints(r, map->npoints);
	}
	if (r->why == NULL && (problem = ScoreMapProblem(map)) != NULL)
		ReaderFail(r, problem);
	return map;
}

/* ---- documents ---- */

static void
AppendPoints(StringInfo out, const char *key, const double *x, int n)
{
	appendStringInfo(out, ", \"%s\": [", key);
	for (int i = 0; i < n; i++)
		appendStringInfo(out, "%s%s", i > 0 ? ", " : "", NumberText(x[i]));
	appendStringInfoChar(out, ']');
}

void
ScoreMapJson(StringInfo out, const ScoreMap *map)
{
	appendStringInfo(out, "{\"method\": \"%s\"", map_method_names[map->method]);
	if (map->rows > 0)
	{
		JsonInt(out, "rows", map->rows);
		JsonInt(out, "positives", map->positives);
	}
	if (map->folds > 0)
		JsonInt(out, "folds", map->folds);
	if (map->method == MAP_PLATT)
	{
		JsonNumber(out, "intercept", map->intercept);
		JsonNumber(out, "slope", map->slope);
	}
	else
	{
		AppendPoints(out, "raw", map->raw, map->npoints);
		AppendPoints(out, "score", map->score, map->npoints);
	}
	appendStringInfoChar(out, '}');
}

pg_noreturn static void
BadMap(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid calibration"),
			 errdetail("%s", detail),
			 errhint("Take it from lead_calibration_map(), or from lead_info(…) -> 'calibration'.")));
}

static double
NumberOf(const JsonbValue *v, const char *key)
{
	if (v->type != jbvNumeric)
		BadMap(psprintf("\"%s\" must be a number.", key));
	return DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
											  NumericGetDatum(v->val.numeric)));
}

static int64
CountOf(const JsonbValue *v, const char *key, int64 most)
{
	double		x = NumberOf(v, key);

	if (!(x >= 0 && x <= most && x == floor(x)))
		BadMap(psprintf("\"%s\" must be a count.", key));
	return (int64) x;
}

static double *
PointsOf(const JsonbValue *v, const char *key, int *n)
{
	JsonbContainer *array = v->val.binary.data;
	double	   *x;

	if (v->type != jbvBinary || !JsonContainerIsArray(array))
		BadMap(psprintf("\"%s\" must be an array of numbers.", key));
	*n = JsonContainerSize(array);
	if (*n > MAP_MAX_POINTS)
		BadMap(psprintf("It has %d points, more than %d.", *n, MAP_MAX_POINTS));
	x = palloc(sizeof(double) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		x[i] = NumberOf(getIthJsonbValueFromContainer(array, i), key);
	return x;
}

static MapMethod
MethodOf(const JsonbValue *v)
{
	for (int i = MAP_PLATT; i <= MAP_METHOD_LAST; i++)
		if (v->type == jbvString && v->val.string.len == strlen(map_method_names[i]) &&
			memcmp(v->val.string.val, map_method_names[i], v->val.string.len) == 0)
			return (MapMethod) i;
	BadMap("\"method\" must be \"platt\" or \"isotonic\".");
}

/* What each key may be, and the method that it belongs to; MAP_NONE: to any. */
typedef enum MapKey
{
	KEY_METHOD,
	KEY_ROWS,
	KEY_POSITIVES,
	KEY_FOLDS,
	KEY_INTERCEPT,
	KEY_SLOPE,
	KEY_RAW,
	KEY_SCORE
} MapKey;

static const char *const map_keys[] = {
	"method", "rows", "positives", "folds", "intercept", "slope", "raw", "score"
};

ScoreMap *
ScoreMapFromJson(const Jsonb *json)
{
	ScoreMap   *map = palloc0(sizeof(ScoreMap));
	JsonbIterator *it;
	JsonbValue	v;
	bool		given[lengthof(map_keys)] = {false};
	int			n = 0,
				nscores = 0;
	const char *problem;

	if (!JB_ROOT_IS_OBJECT(json))
		BadMap("It must be a JSON object.");
	it = JsonbIteratorInit(unconstify(JsonbContainer *, &json->root));
	(void) JsonbIteratorNext(&it, &v, false);
	while (JsonbIteratorNext(&it, &v, true) == WJB_KEY)
	{
		char	   *name = pnstrdup(v.val.string.val, v.val.string.len);
		int			key = 0;

		while (key < lengthof(map_keys) && strcmp(name, map_keys[key]) != 0)
			key++;
		if (key == lengthof(map_keys))
			BadMap(psprintf("It has an unknown key \"%s\".", name));
		given[key] = true;
		(void) JsonbIteratorNext(&it, &v, true);
		switch ((MapKey) key)
		{
			case KEY_METHOD:
				map->method = MethodOf(&v);
				break;
			case KEY_ROWS:
				map->rows = CountOf(&v, name, PAIRS_MAX);
				break;
			case KEY_POSITIVES:
				map->positives = CountOf(&v, name, PAIRS_MAX);
				break;
			case KEY_FOLDS:
				map->folds = CountOf(&v, name, MAP_MAX_FOLDS);
				break;
			case KEY_INTERCEPT:
				map->intercept = NumberOf(&v, name);
				break;
			case KEY_SLOPE:
				map->slope = NumberOf(&v, name);
				break;
			case KEY_RAW:
				map->raw = PointsOf(&v, name, &n);
				break;
			case KEY_SCORE:
				map->score = PointsOf(&v, name, &nscores);
				break;
		}
	}
	if (!given[KEY_METHOD])
		BadMap("It has no \"method\".");
	for (int key = KEY_INTERCEPT; key < lengthof(map_keys); key++)
	{
		bool		wanted = (key <= KEY_SLOPE) == (map->method == MAP_PLATT);

		if (given[key] != wanted)
			BadMap(psprintf(wanted ? "It has no \"%s\"." : "It has \"%s\", which does not belong to its method.",
							map_keys[key]));
	}
	if (map->method == MAP_ISOTONIC && n != nscores)
		BadMap(psprintf("There are %d raw scores and %d scores.", n, nscores));
	map->npoints = n;
	problem = ScoreMapProblem(map);
	if (problem != NULL)
		BadMap(problem);
	return map;
}
