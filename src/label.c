/*-------------------------------------------------------------------------
 *
 * label.c
 *	  Honest labels, and folds that never change.
 *
 * A lead younger than the horizon and not won is not lost: nobody knows yet.
 * lead_label() says so, and never uses what was not known at `as_of`.
 *
 * lead_fold() gives a key its fold by a hash that is defined here and nowhere
 * else, because PostgreSQL's own hash functions differ between machines and
 * may change with a major version.  In full, with unsigned 64-bit arithmetic:
 *
 *		mix(x) = x ^= x >> 30; x *= 0xBF58476D1CE4E5B9;
 *				 x ^= x >> 27; x *= 0x94D049BB133111EB;
 *				 x ^= x >> 31						(splitmix64's finaliser)
 *		h = 0xCBF29CE484222325 ^ mix(seed)			(FNV-1a's basis)
 *		for each byte b of the key:
 *			h = (h ^ b) * 0x100000001B3				(FNV-1a's prime)
 *		fold = mix(h) mod k
 *
 * The bytes of a key are its text in UTF-8: an integer's decimal digits, a
 * uuid's 36 characters in lower case, a date as ISO 8601 whatever DateStyle
 * is.  A number has the same fold as bigint and as text.
 *
 *-------------------------------------------------------------------------
 */
#include "leadscore.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

/*
 * lead_label(created, won_at, horizon, as_of) → boolean
 *
 * true		won by created + horizon, and by as_of
 * false	created + horizon is not after as_of, and not won by then
 * NULL		not known at as_of; or created, horizon or as_of is NULL; or the
 *			lead was created after as_of
 *
 * A win dated before its lead is a win (data entered late), and one after the
 * horizon is none.  Both ends count: at the very moment of created + horizon
 * a win is in time and the outcome is known.
 *
 * STABLE: adding days or months to a timestamptz depends on TimeZone.
 */
PG_FUNCTION_INFO_V1(lead_label);
Datum
lead_label(PG_FUNCTION_ARGS)
{
	TimestampTz created;
	TimestampTz due;
	TimestampTz as_of;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		PG_RETURN_NULL();
	created = PG_GETARG_TIMESTAMPTZ(0);
	as_of = PG_GETARG_TIMESTAMPTZ(3);
	due = DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												  PG_GETARG_DATUM(0),
												  PG_GETARG_DATUM(2)));
	if (due < created)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("horizon must not be negative")));
	if (created > as_of)
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(1))
	{
		TimestampTz won_at = PG_GETARG_TIMESTAMPTZ(1);

		if (won_at <= due && won_at <= as_of)
			PG_RETURN_BOOL(true);
	}
	if (due <= as_of)
		PG_RETURN_BOOL(false);
	PG_RETURN_NULL();
}

/* The finaliser of splitmix64, a bijection (Steele, Lea and Flood 2014). */
static inline uint64
Mix64(uint64 x)
{
	x ^= x >> 30;
	x *= UINT64CONST(0xBF58476D1CE4E5B9);
	x ^= x >> 27;
	x *= UINT64CONST(0x94D049BB133111EB);
	x ^= x >> 31;
	return x;
}

/* The fold of a key's bytes; an error unless k > 0. */
static int32
FoldOfBytes(const char *key, int len, int32 k, int64 seed)
{
	uint64		h = UINT64CONST(0xCBF29CE484222325) ^ Mix64((uint64) seed);

	if (k < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of folds must be at least 1, not %d", k)));
	for (int i = 0; i < len; i++)
		h = (h ^ (unsigned char) key[i]) * UINT64CONST(0x100000001B3);
	return (int32) (Mix64(h) % (uint64) k);
}

/* lead_fold(key text, k int, seed bigint) → int, 0 … k - 1 */
PG_FUNCTION_INFO_V1(lead_fold_text);
Datum
lead_fold_text(PG_FUNCTION_ARGS)
{
	text	   *key = PG_GETARG_TEXT_PP(0);
	char	   *bytes = VARDATA_ANY(key);
	int			len = VARSIZE_ANY_EXHDR(key);
	char	   *utf8 = pg_server_to_any(bytes, len, PG_UTF8);
	int32		fold;

	if (utf8 != bytes)
		len = strlen(utf8);
	fold = FoldOfBytes(utf8, len, PG_GETARG_INT32(1), PG_GETARG_INT64(2));
	if (utf8 != bytes)
		pfree(utf8);
	PG_FREE_IF_COPY(key, 0);
	PG_RETURN_INT32(fold);
}

/* lead_fold(key bigint, k int, seed bigint) → int */
PG_FUNCTION_INFO_V1(lead_fold_bigint);
Datum
lead_fold_bigint(PG_FUNCTION_ARGS)
{
	char		digits[24];
	int			len = pg_lltoa(PG_GETARG_INT64(0), digits);

	PG_RETURN_INT32(FoldOfBytes(digits, len, PG_GETARG_INT32(1),
								PG_GETARG_INT64(2)));
}

/* lead_fold(key uuid, k int, seed bigint) → int */
PG_FUNCTION_INFO_V1(lead_fold_uuid);
Datum
lead_fold_uuid(PG_FUNCTION_ARGS)
{
	char	   *key = DatumGetCString(DirectFunctionCall1(uuid_out,
														  PG_GETARG_DATUM(0)));
	int32		fold = FoldOfBytes(key, strlen(key), PG_GETARG_INT32(1),
								   PG_GETARG_INT64(2));

	pfree(key);
	PG_RETURN_INT32(fold);
}

/* lead_fold(key date, k int, seed bigint) → int */
PG_FUNCTION_INFO_V1(lead_fold_date);
Datum
lead_fold_date(PG_FUNCTION_ARGS)
{
	DateADT		date = PG_GETARG_DATEADT(0);
	char		iso[MAXDATELEN + 1];

	if (DATE_NOT_FINITE(date))
		EncodeSpecialDate(date, iso);
	else
	{
		struct pg_tm tm = {0};

		j2date(date + POSTGRES_EPOCH_JDATE,
			   &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
		EncodeDateOnly(&tm, USE_ISO_DATES, iso);
	}
	PG_RETURN_INT32(FoldOfBytes(iso, strlen(iso), PG_GETARG_INT32(1),
								PG_GETARG_INT64(2)));
}
