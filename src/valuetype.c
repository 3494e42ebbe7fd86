/*-------------------------------------------------------------------------
 *
 * valuetype.c
 *	  Input and output of the types leadframe and leadprofile.
 *
 * As text such a value is the hexadecimal of its bytes, like a bytea; whatever
 * comes in is decoded once to see that it is one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/bytea.h"
#include "utils/memutils.h"

#include "valuetype.h"

static void
Check(const struct varlena *bytes, ValueCheck check)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext,
											   "leadscore check", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(work);

	check(bytes);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
}

Datum
ValueIn(FunctionCallInfo fcinfo, const char *type, const char *maker, ValueCheck check)
{
	char	   *s = PG_GETARG_CSTRING(0);
	Datum		d;

	if (s[0] != '\\' || s[1] != 'x')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input syntax for type %s", type),
				 errdetail("It must start with \\x and go on in hexadecimal."),
				 errhint("To make one of the rows of a table: %s.", maker)));
	d = DirectFunctionCall1(byteain, CStringGetDatum(s));
	Check((struct varlena *) DatumGetPointer(d), check);
	return d;
}

Datum
ValueRecv(FunctionCallInfo fcinfo, ValueCheck check)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			n = buf->len - buf->cursor;
	bytea	   *b = palloc(VARHDRSZ + n);

	SET_VARSIZE(b, VARHDRSZ + n);
	pq_copymsgbytes(buf, VARDATA(b), n);
	Check((struct varlena *) b, check);
	PG_RETURN_BYTEA_P(b);
}

/* The output function of both types: two digits a byte, of up to 500 MB. */
PG_FUNCTION_INFO_V1(leadvalue_out);
Datum
leadvalue_out(PG_FUNCTION_ARGS)
{
	bytea	   *b = PG_GETARG_BYTEA_PP(0);
	size_t		len = VARSIZE_ANY_EXHDR(b);
	char	   *s = palloc_extended(len * 2 + 3, MCXT_ALLOC_HUGE);

	s[0] = '\\';
	s[1] = 'x';
	hex_encode(VARDATA_ANY(b), len, s + 2);
	s[len * 2 + 2] = '\0';
	PG_RETURN_CSTRING(s);
}

PG_FUNCTION_INFO_V1(leadvalue_send);
Datum
leadvalue_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0));
}
