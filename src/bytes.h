/*-------------------------------------------------------------------------
 *
 * bytes.h
 *	  Writing and reading the bytes of stored values: little-endian, explicit
 *	  sizes, on every machine the same.
 *
 * The reader never raises an error and never reads past its end: the first
 * thing that doesn't fit sets `why`, and every read after that returns zero.
 * A decoder can therefore be written straight down, checking `why` only before
 * it allocates or loops over what it has read.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_BYTES_H
#define LEADSCORE_BYTES_H

#include "postgres.h"

#include <math.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "port/pg_crc32c.h"

#ifdef WORDS_BIGENDIAN
#define HostToLittle16(x)	pg_bswap16(x)
#define HostToLittle32(x)	pg_bswap32(x)
#define HostToLittle64(x)	pg_bswap64(x)
#include "port/pg_bswap.h"
#else
#define HostToLittle16(x)	(x)
#define HostToLittle32(x)	(x)
#define HostToLittle64(x)	(x)
#endif

static inline uint32
ChecksumOf(const void *data, size_t len)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, data, len);
	FIN_CRC32C(crc);
	return (uint32) crc;
}

static inline uint32
LoadU32(const uint8 *p)
{
	uint32		v;

	memcpy(&v, p, 4);
	return HostToLittle32(v);
}

static inline void
StoreU32(char *p, uint32 v)
{
	v = HostToLittle32(v);
	memcpy(p, &v, 4);
}

static inline void
StoreU64(char *p, uint64 v)
{
	v = HostToLittle64(v);
	memcpy(p, &v, 8);
}

/* ---- writing ---- */

static inline void
PutU8(StringInfo buf, uint8 v)
{
	appendStringInfoCharMacro(buf, (char) v);
}

static inline void
PutU32(StringInfo buf, uint32 v)
{
	v = HostToLittle32(v);
	appendBinaryStringInfo(buf, (const char *) &v, 4);
}

static inline void
PutI32(StringInfo buf, int32 v)
{
	PutU32(buf, (uint32) v);
}

static inline void
PutU64(StringInfo buf, uint64 v)
{
	v = HostToLittle64(v);
	appendBinaryStringInfo(buf, (const char *) &v, 8);
}

/* NaN has many bit patterns; equal values must be equal bytes. */
static inline void
PutF64(StringInfo buf, double v)
{
	uint64		bits = UINT64CONST(0x7ff8000000000000);

	if (!isnan(v))
		memcpy(&bits, &v, 8);
	PutU64(buf, bits);
}

static inline void
PutF64s(StringInfo buf, const double *v, size_t n)
{
	enlargeStringInfo(buf, (int) (n * 8));
	for (size_t i = 0; i < n; i++)
		PutF64(buf, v[i]);
}

/* A length and that many bytes. */
static inline void
PutText(StringInfo buf, const char *s, int len)
{
	PutU32(buf, (uint32) len);
	appendBinaryStringInfo(buf, s, len);
}

/* ---- reading ---- */

typedef struct Reader
{
	const uint8 *p;
	const uint8 *end;
	const char *why;			/* what is wrong, or NULL */
} Reader;

static inline void
ReaderFail(Reader *r, const char *why)
{
	if (r->why == NULL)
		r->why = why;
	r->p = r->end;
}

static inline size_t
ReaderLeft(const Reader *r)
{
	return r->end - r->p;
}

static inline const uint8 *
GetBytes(Reader *r, size_t n)
{
	const uint8 *p = r->p;

	if (ReaderLeft(r) < n)
	{
		ReaderFail(r, "A part is shorter than its contents.");
		return NULL;
	}
	r->p += n;
	return p;
}

static inline uint8
GetU8(Reader *r)
{
	const uint8 *p = GetBytes(r, 1);

	return p ? *p : 0;
}

static inline uint32
GetU32(Reader *r)
{
	const uint8 *p = GetBytes(r, 4);
	uint32		v = 0;

	if (p)
		memcpy(&v, p, 4);
	return HostToLittle32(v);
}

static inline int32
GetI32(Reader *r)
{
	return (int32) GetU32(r);
}

static inline uint64
GetU64(Reader *r)
{
	const uint8 *p = GetBytes(r, 8);
	uint64		v = 0;

	if (p)
		memcpy(&v, p, 8);
	return HostToLittle64(v);
}

static inline double
GetF64(Reader *r)
{
	uint64		bits = GetU64(r);
	double		v;

	memcpy(&v, &bits, 8);
	return v;
}

static inline double
GetFinite(Reader *r, const char *why)
{
	double		v = GetF64(r);

	if (!isfinite(v))
	{
		ReaderFail(r, why);
		return 0;
	}
	return v;
}

/*
 * A count of things that take at least `size` bytes each: checked against what
 * is left, so that nothing is allocated for a count that can't be true.
 */
static inline uint32
GetCount(Reader *r, uint32 most, size_t size, const char *why)
{
	uint32		n = GetU32(r);

	if (n > most)
		ReaderFail(r, why);
	else if ((uint64) n * size > ReaderLeft(r))
		ReaderFail(r, "A part is shorter than its contents.");
	return r->why == NULL ? n : 0;
}

/* Bytes of valid UTF-8 without NUL; *len gets the length. */
static inline const char *
GetText(Reader *r, int *len)
{
	uint32		n = GetU32(r);
	const char *s = (const char *) GetBytes(r, n);

	*len = 0;
	if (s == NULL)
		return "";
	if (n > 0 && (memchr(s, '\0', n) != NULL ||
				  pg_encoding_verifymbstr(PG_UTF8, s, n) != (int) n))
	{
		ReaderFail(r, "A text is not valid UTF-8.");
		return "";
	}
	*len = (int) n;
	return s;
}

/* The same as a terminated copy; empty texts are refused. */
static inline char *
GetName(Reader *r)
{
	int			len;
	const char *s = GetText(r, &len);

	if (len == 0)
		ReaderFail(r, "A name is empty.");
	return pnstrdup(s, len);
}

#endif							/* LEADSCORE_BYTES_H */
