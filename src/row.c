/*-------------------------------------------------------------------------
 *
 * row.c
 *	  Rows as the server has them become cells as leadscore has them.
 *
 * A row arrives as a record (any composite value) or as the arguments of a
 * VARIADIC "any" function with their names in a jsonb array.  Both end as a
 * RowInput: an array of datums beside a RowShape that says how each is called
 * and read.  Columns are matched by name further up, so the shape is all that
 * anybody needs to know about where a row came from.
 *
 * A cell is free of the server's settings: nothing here looks at TimeZone,
 * DateStyle, IntervalStyle or extra_float_digits, because scoring is declared
 * IMMUTABLE.  Text is UTF-8 whatever the encoding of the database.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/json.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/uuid.h"

#include "leadscore.h"

static const char *const cell_type_names[] = {
	[CELL_UNUSABLE] = "unusable",
	[CELL_BOOL] = "boolean",
	[CELL_INT2] = "smallint",
	[CELL_INT4] = "integer",
	[CELL_INT8] = "bigint",
	[CELL_FLOAT4] = "real",
	[CELL_FLOAT8] = "double precision",
	[CELL_NUMERIC] = "numeric",
	[CELL_TEXT] = "text",
	[CELL_ENUM] = "enum",
	[CELL_UUID] = "uuid",
	[CELL_DATE] = "date",
	[CELL_TIMESTAMP] = "timestamp",
	[CELL_TIMESTAMPTZ] = "timestamptz",
	[CELL_INTERVAL] = "interval",
};

const char *
CellTypeName(CellType type)
{
	return cell_type_names[type];
}

const char *
CellTypeKind(CellType type)
{
	switch (CellTypeClass(type))
	{
		case CLASS_NUMBER:
		case CLASS_INTERVAL:
			return KIND_NUMBER;
		case CLASS_TIME:
			return KIND_TIME;
		case CLASS_NONE:
			return KIND_OTHER;
		default:
			return KIND_CATEGORICAL;
	}
}

/* The cell type of a type of the server; *basetype gets the type below domains. */
CellType
CellTypeOf(Oid typid, Oid *basetype)
{
	Oid			base = getBaseType(typid);
	char		category;
	bool		preferred;

	*basetype = base;
	switch (base)
	{
		case BOOLOID:
			return CELL_BOOL;
		case INT2OID:
			return CELL_INT2;
		case INT4OID:
			return CELL_INT4;
		case INT8OID:
			return CELL_INT8;
		case FLOAT4OID:
			return CELL_FLOAT4;
		case FLOAT8OID:
			return CELL_FLOAT8;
		case NUMERICOID:
			return CELL_NUMERIC;
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case NAMEOID:
		case CHAROID:
		case UNKNOWNOID:
			return CELL_TEXT;
		case UUIDOID:
			return CELL_UUID;
		case DATEOID:
			return CELL_DATE;
		case TIMESTAMPOID:
			return CELL_TIMESTAMP;
		case TIMESTAMPTZOID:
			return CELL_TIMESTAMPTZ;
		case INTERVALOID:
			return CELL_INTERVAL;
	}
	if (!OidIsValid(base))
		return CELL_UNUSABLE;
	if (get_typtype(base) == TYPTYPE_ENUM)
		return CELL_ENUM;
	get_type_category_preferred(base, &category, &preferred);
	return category == TYPCATEGORY_STRING ? CELL_TEXT : CELL_UNUSABLE;
}

/*
 * Text of the database's encoding as UTF-8.  The result is `s` itself where
 * nothing has to be converted, and is not terminated then.
 */
char *
TextToUtf8(const char *s, int len, int *outlen)
{
	char	   *u = pg_server_to_any(s, len, PG_UTF8);

	*outlen = (u == s) ? len : (int) strlen(u);
	return u;
}

/* UTF-8 as terminated text of the database's encoding, always a copy. */
char *
TextFromUtf8(const char *s, int len)
{
	char	   *copy = pnstrdup(s, len);

	return pg_any_to_server(copy, len, PG_UTF8);
}

/* A name as it has to stand in a JSON option: a hint is there to be pasted. */
char *
JsonName(const char *name)
{
	StringInfoData buf;

	initStringInfo(&buf);
	escape_json(&buf, TextFromUtf8(name, strlen(name)));
	return buf.data;
}

/* A name of the database as terminated UTF-8 in the current context. */
static char *
NameToUtf8(const char *name)
{
	int			len;
	char	   *u = TextToUtf8(name, strlen(name), &len);

	return pnstrdup(u, len);
}

static void
DescribeColumn(RowColumn *col, const char *name, Oid typid)
{
	Oid			output;
	bool		isvarlena;

	col->name = NameToUtf8(name);
	col->typid = typid;
	col->type = CellTypeOf(typid, &col->basetype);
	col->text_varlena = (col->basetype == TEXTOID ||
						 col->basetype == VARCHAROID ||
						 col->basetype == BPCHAROID);
	col->trim_blanks = (col->basetype == BPCHAROID);
	if (CellTypeClass(col->type) == CLASS_TEXT && !col->text_varlena)
	{
		getTypeOutputInfo(col->basetype, &output, &isvarlena);
		fmgr_info_cxt(output, &col->output, CurrentMemoryContext);
	}
}

/*
 * A context for a new shape.  The shape before may still be compared with it;
 * older ones go, because rows of two types may take turns a million times.
 */
static MemoryContext
ShapeContext(RowInput *in, MemoryContext cxt)
{
	MemoryContext next = in->previous;

	in->previous = in->cxt;
	if (next == NULL)
		next = AllocSetContextCreate(cxt, "leadscore row shape",
									 ALLOCSET_SMALL_SIZES);
	else
		MemoryContextReset(next);
	in->cxt = next;
	return next;
}

static void
AllocateInput(RowInput *in, int ncolumns, MemoryContext cxt)
{
	in->shape = MemoryContextAllocZero(cxt, sizeof(RowShape));
	in->shape->ncolumns = ncolumns;
	in->shape->columns = MemoryContextAllocZero(cxt,
												sizeof(RowColumn) * Max(ncolumns, 1));
	in->values = MemoryContextAllocZero(cxt, sizeof(Datum) * Max(ncolumns, 1));
	in->nulls = MemoryContextAllocZero(cxt, sizeof(bool) * Max(ncolumns, 1));
}

/*
 * An entry of the type cache stays where it is, and loses its identifier when
 * the type changes: for a named type it need not be looked up again.
 */
static inline bool
SameRowType(const RowInput *in, Oid typid, int32 typmod)
{
	if (in->shape == NULL)
		return false;
	if (in->typcache != NULL && in->typcache->type_id == typid)
		return in->typcache->tupDesc_identifier == in->tupdesc_id;
	return in->tupdesc_id == assign_record_type_identifier(typid, typmod);
}

/*
 * Take a record apart.  The row type may change between two calls of one query
 * (unions of anonymous records, ALTER TABLE inside a PL/pgSQL transaction), so
 * the type cache's identifier is compared, not the type's OID.
 */
bool
RowInputRecord(RowInput *in, HeapTupleHeader rec, MemoryContext cxt)
{
	Oid			typid = HeapTupleHeaderGetTypeId(rec);
	int32		typmod = HeapTupleHeaderGetTypMod(rec);
	bool		fresh = !SameRowType(in, typid, typmod);
	HeapTupleData tuple;

	if (fresh)
	{
		TupleDesc	tupdesc = lookup_rowtype_tupdesc(typid, typmod);
		MemoryContext old = MemoryContextSwitchTo(ShapeContext(in, cxt));

		in->shape = NULL;		/* not half-made if something below fails */
		in->tupdesc = CreateTupleDescCopy(tupdesc);
		ReleaseTupleDesc(tupdesc);
		AllocateInput(in, in->tupdesc->natts, in->cxt);
		for (int i = 0; i < in->tupdesc->natts; i++)
		{
			Form_pg_attribute att = TupleDescAttr(in->tupdesc, i);

			if (!att->attisdropped)
				DescribeColumn(&in->shape->columns[i], NameStr(att->attname),
							   att->atttypid);
		}
		in->tupdesc_id = assign_record_type_identifier(typid, typmod);
		in->typcache = typid == RECORDOID ? NULL : lookup_type_cache(typid, TYPECACHE_TUPDESC);
		MemoryContextSwitchTo(old);
	}

	tuple.t_len = HeapTupleHeaderGetDatumLength(rec);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = rec;
	heap_deform_tuple(&tuple, in->tupdesc, in->values, in->nulls);
	return fresh;
}

static void
NamesError(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("column names must be a JSON array of strings, one per value"),
			 errdetail_internal("%s", detail)));
}

/* Shape of a VARIADIC "any" list: types from the call, names from the array. */
static void
ShapeFromArgs(RowInput *in, FunctionCallInfo fcinfo, int firstarg, Jsonb *names,
			  MemoryContext cxt)
{
	int			n = PG_NARGS() - firstarg;
	MemoryContext old;
	RowShape   *shape;

	if (names == NULL || !JB_ROOT_IS_ARRAY(names) || JB_ROOT_IS_SCALAR(names))
		NamesError("The names are not an array.");
	if (JB_ROOT_COUNT(names) != n)
		NamesError(psprintf("There are %d names and %d values.",
							(int) JB_ROOT_COUNT(names), n));

	old = MemoryContextSwitchTo(ShapeContext(in, cxt));
	in->shape = NULL;
	AllocateInput(in, n, in->cxt);
	shape = in->shape;
	in->shape = NULL;			/* published when complete */
	for (int i = 0; i < n; i++)
	{
		JsonbValue *v = getIthJsonbValueFromContainer(&names->root, i);
		Oid			typid = get_fn_expr_argtype(fcinfo->flinfo, firstarg + i);

		if (v->type != jbvString)
			NamesError(psprintf("Name %d is not a string.", i + 1));
		DescribeColumn(&shape->columns[i],
					   pnstrdup(v->val.string.val, v->val.string.len), typid);
		for (int j = 0; j < i; j++)
			if (strcmp(shape->columns[i].name, shape->columns[j].name) == 0)
				NamesError(psprintf("The name \"%s\" stands there twice.",
									TextFromUtf8(shape->columns[i].name,
												 strlen(shape->columns[i].name))));
	}
	in->shape = shape;
	MemoryContextSwitchTo(old);
}

bool
RowInputArgs(RowInput *in, FunctionCallInfo fcinfo, int firstarg, Jsonb *names,
			 MemoryContext cxt)
{
	bool		fresh = (in->shape == NULL);

	if (fresh)
		ShapeFromArgs(in, fcinfo, firstarg, names, cxt);
	for (int i = 0; i < in->shape->ncolumns; i++)
	{
		in->values[i] = PG_GETARG_DATUM(firstarg + i);
		in->nulls[i] = PG_ARGISNULL(firstarg + i);
	}
	return fresh;
}

/* The column of an error, for programs; the name is UTF-8. */
int
errcolumnname(const char *name)
{
	return err_generic_string(PG_DIAG_COLUMN_NAME, TextFromUtf8(name, strlen(name)));
}

static void
NotFinite(const char *name, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_EXCEPTION),
			 errmsg("column \"%s\" contains %s", TextFromUtf8(name, strlen(name)),
					what),
			 errcolumnname(name),
			 errdetail("Features and weights must be finite numbers."),
			 errhint("Make it NULL, or leave the column or the rows out.")));
}

static void
CellNumber(const char *name, double x, Cell *cell)
{
	if (unlikely(!isfinite(x)))
		NotFinite(name, isnan(x) ? "NaN" : "infinity");
	cell->number = (x == 0) ? 0 : x;	/* no negative zero */
}

static void
CellText(const RowColumn *col, Datum value, Cell *cell)
{
	const char *s;
	int			len;

	if (col->text_varlena)
	{
		struct varlena *v = PG_DETOAST_DATUM_PACKED(value);

		s = VARDATA_ANY(v);
		len = VARSIZE_ANY_EXHDR(v);
		if (col->trim_blanks)
			while (len > 0 && s[len - 1] == ' ')
				len--;
	}
	else
	{
		s = OutputFunctionCall(unconstify(FmgrInfo *, &col->output), value);
		len = strlen(s);
	}
	if (unlikely(GetDatabaseEncoding() != PG_UTF8))
		s = TextToUtf8(s, len, &len);
	else if (unlikely(col->basetype == CHAROID))
		pg_verifymbstr(s, len, false);	/* "char" may be any byte */
	cell->text = s;
	cell->len = len;
}

/* Microseconds since 2000-01-01 of a date. */
static double
DateMicroseconds(DateADT date)
{
	return (double) date * (double) USECS_PER_DAY;
}

void
CellRead(const RowColumn *col, Datum value, bool isnull, Cell *cell)
{
	cell->isnull = isnull;
	cell->type = col->type;
	cell->number = 0;
	cell->text = NULL;
	cell->len = 0;
	if (isnull)
		return;

	switch (col->type)
	{
		case CELL_BOOL:
			cell->number = DatumGetBool(value) ? 1 : 0;
			break;
		case CELL_INT2:
			cell->number = DatumGetInt16(value);
			break;
		case CELL_INT4:
			cell->number = DatumGetInt32(value);
			break;
		case CELL_INT8:
			cell->number = (double) DatumGetInt64(value);
			break;
		case CELL_FLOAT4:
			CellNumber(col->name, DatumGetFloat4(value), cell);
			break;
		case CELL_FLOAT8:
			CellNumber(col->name, DatumGetFloat8(value), cell);
			break;
		case CELL_NUMERIC:
			CellNumber(col->name,
					   DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow, value)),
					   cell);
			break;
		case CELL_TEXT:
		case CELL_ENUM:
		case CELL_UUID:
			CellText(col, value, cell);
			break;
		case CELL_DATE:
			if (DATE_NOT_FINITE(DatumGetDateADT(value)))
				NotFinite(col->name, "infinity");
			cell->number = DateMicroseconds(DatumGetDateADT(value));
			break;
		case CELL_TIMESTAMP:
		case CELL_TIMESTAMPTZ:
			if (TIMESTAMP_NOT_FINITE(DatumGetTimestamp(value)))
				NotFinite(col->name, "infinity");
			cell->number = (double) DatumGetTimestamp(value);
			break;
		case CELL_INTERVAL:
			{
				Interval   *iv = DatumGetIntervalP(value);

				if (INTERVAL_NOT_FINITE(iv))
					NotFinite(col->name, "infinity");
				CellNumber(col->name,
						   iv->time / (double) USECS_PER_SEC +
						   iv->day * (double) SECS_PER_DAY +
						   iv->month * 30.0 * SECS_PER_DAY, cell);
				break;
			}
		case CELL_UNUSABLE:
			ereport(ERROR,
					(errcode(ERRCODE_DATATYPE_MISMATCH),
					 errmsg("column \"%s\" has type %s, which cannot be a feature",
							TextFromUtf8(col->name, strlen(col->name)),
							format_type_be(col->typid)),
					 errhint("Leave it out with the option {\"exclude\": [%s]}.",
							 JsonName(col->name))));
			break;
	}
}

/* Two digits at *s as a number; -1 if they aren't digits. */
static int
TwoDigits(const char *s)
{
	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return -1;
	return (s[0] - '0') * 10 + (s[1] - '0');
}

/*
 * ISO 8601: YYYY-MM-DD, then optionally T or a blank and HH:MM[:SS[.ffffff]],
 * then optionally Z or ±HH[[:]MM].  Returns false for anything else.  The
 * server's own parser reads more, but under the rule of DateStyle.
 */
static bool
ParseIsoTime(const char *s, Cell *cell)
{
	int			year1,
				year2,
				month,
				day,
				hour = 0,
				minute = 0,
				second = 0;
	double		micros = 0;

	/* every read below stops at the terminator: no digit, no match */
	if ((year1 = TwoDigits(s)) < 0 || (year2 = TwoDigits(s + 2)) < 0 ||
		s[4] != '-' || (month = TwoDigits(s + 5)) < 1 || month > 12 ||
		s[7] != '-' || (day = TwoDigits(s + 8)) < 1)
		return false;
	if (year1 * 100 + year2 < 1 ||
		day > day_tab[isleap(year1 * 100 + year2)][month - 1])
		return false;
	s += 10;
	cell->type = CELL_DATE;
	if (*s == 'T' || *s == ' ')
	{
		if ((hour = TwoDigits(s + 1)) < 0 || hour > 23 || s[3] != ':' ||
			(minute = TwoDigits(s + 4)) < 0 || minute > 59)
			return false;
		s += 6;
		if (*s == ':')
		{
			if ((second = TwoDigits(s + 1)) < 0 || second > 59)
				return false;
			s += 3;
			if (*s == '.')
			{
				double		unit = 100000;

				for (s++; *s >= '0' && *s <= '9'; s++, unit /= 10)
					micros += (*s - '0') * floor(unit);
			}
		}
		cell->type = CELL_TIMESTAMP;
	}
	micros += (double) (date2j(year1 * 100 + year2, month, day) -
						POSTGRES_EPOCH_JDATE) * (double) USECS_PER_DAY +
		((hour * 60.0 + minute) * 60.0 + second) * (double) USECS_PER_SEC;
	if (cell->type == CELL_TIMESTAMP && (*s == 'Z' || *s == '+' || *s == '-'))
	{
		int			sign = (*s == '-') ? 1 : -1,
					zh = 0,
					zm = 0;

		if (*s++ != 'Z')
		{
			if ((zh = TwoDigits(s)) < 0 || zh > 15)
				return false;
			s += 2;
			if (*s == ':')
				s++;
			if (*s != '\0')
			{
				if ((zm = TwoDigits(s)) < 0 || zm > 59)
					return false;
				s += 2;
			}
		}
		micros += sign * (zh * 60.0 + zm) * 60.0 * USECS_PER_SEC;
		cell->type = CELL_TIMESTAMPTZ;
	}
	cell->number = micros;
	return *s == '\0';
}

static const char *
JsonTypeName(const JsonbValue *v)
{
	switch (v->type)
	{
		case jbvNull:
			return "null";
		case jbvString:
			return "string";
		case jbvNumeric:
			return "number";
		case jbvBool:
			return "boolean";
		default:
			return "array or object";
	}
}

void
CellReadJson(const char *name, CellType want, const JsonbValue *v, Cell *cell)
{
	const char *hint = NULL;

	cell->isnull = (v->type == jbvNull);
	cell->type = want;
	cell->number = 0;
	cell->text = NULL;
	cell->len = 0;
	if (cell->isnull)
		return;

	switch (CellTypeClass(want))
	{
		case CLASS_BOOL:
			if (v->type != jbvBool)
			{
				hint = "Write true or false without quotes.";
				break;
			}
			cell->number = v->val.boolean ? 1 : 0;
			return;
		case CLASS_NUMBER:
			if (v->type != jbvNumeric)
			{
				hint = "Write numbers without quotes.";
				break;
			}
			CellNumber(name, DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
																NumericGetDatum(v->val.numeric))), cell);
			return;
		case CLASS_TEXT:
			if (v->type != jbvString)
				break;
			cell->text = TextToUtf8(v->val.string.val, v->val.string.len,
									&cell->len);
			return;
		case CLASS_TIME:
			if (v->type == jbvString &&
				ParseIsoTime(pnstrdup(v->val.string.val, v->val.string.len), cell))
				return;
			cell->type = want;
			hint = "Write times as in 2024-05-31, 2024-05-31T14:30:00 or 2024-05-31T14:30:00+05:30.";
			break;
		case CLASS_INTERVAL:
			if (v->type != jbvNumeric)
			{
				hint = "Write intervals as a number of seconds.";
				break;
			}
			CellNumber(name, DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
																NumericGetDatum(v->val.numeric))), cell);
			return;
		case CLASS_NONE:
			break;
	}
	ereport(ERROR,
			(errcode(ERRCODE_DATATYPE_MISMATCH),
			 errmsg("column \"%s\" is a JSON %s, but the model was trained with type %s",
					TextFromUtf8(name, strlen(name)), JsonTypeName(v),
					CellTypeName(want)),
			 errcolumnname(name),
			 hint ? errhint("%s", hint) : 0));
}
