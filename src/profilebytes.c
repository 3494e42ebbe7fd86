/*-------------------------------------------------------------------------
 *
 * profilebytes.c
 *	  The bytes of a leadprofile: the one encoder and the one decoder.
 *
 * Little-endian throughout; a varint has seven bits a byte, the lowest first, and
 * the eighth says that more follow.  Format 1:
 *
 *	 bytes	what
 *	 4		magic "LPRF"
 *	 4		format version, 1
 *	 4		CRC-32C of everything after this field
 *	 8		rows
 *	 4		columns
 *	 …		the columns: name (4-byte length, bytes); type, store (a byte each);
 *			position (4 bytes); NULLs, rest (varints); whether ranged (a byte),
 *			low, high (float8) if so; whether there is a sketch, its 1024
 *			registers if so; then
 *			  numbers	bits, zeros that all keys end with (a byte each), count
 *						(4 bytes), the first key (8 bytes, shifted), distances
 *						of the others and rows of all (varints); then, unless
 *						they are exact, whether there are sums, and if so those
 *						of the numbers and of their squares
 *			  levels	count (4 bytes), then text and rows (varint) of each
 *			  hashed	256 varints
 *	 8		checksum and length of the model, 0 for none
 *	 4		terms: name, sum
 *
 * A sum has the number of its digits that are not 0 (a byte), then of each its
 * place (a byte) and the digit (8 bytes).
 *
 * The key of a number is its bits as an integer, those of negative numbers
 * negated, so keys have the order of numbers.
 *
 * A leadprofile may come from a file or a client; nothing is believed for its
 * checksum.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "bytes.h"
#include "leadprofile.h"

#define PROFILE_MAGIC			0x4652504c	/* "LPRF" */
#define PROFILE_VERSION			1
#define PROFILE_CHECKED_FROM	12
#define MOST_GRID_CELLS			4097	/* with no bits of the mantissa left */
#define SIGN_BIT				(UINT64CONST(1) << 63)

static int64
NumberKey(double x)
{
	uint64		bits = DoubleBits(x);

	return bits & SIGN_BIT ? -(int64) (bits & ~SIGN_BIT) : (int64) bits;
}

static double
KeyNumber(int64 key)
{
	return key < 0 ? BitsDouble((uint64) (-key) | SIGN_BIT) : BitsDouble((uint64) key);
}

/* ---- writing ---- */

static void
PutVarint(StringInfo buf, uint64 v)
{
	for (; v >= 128; v >>= 7)
		PutU8(buf, (uint8) (v | 128));
	PutU8(buf, (uint8) v);
}

static void
PutSum(StringInfo buf, const ExactSum *sum)
{
	ExactSum	s = *sum;
	int			n = 0;

	ExactCarry(&s);
	for (int i = 0; i < EXACT_DIGITS; i++)
		n += (s.digit[i] != 0);
	PutU8(buf, n);
	for (int i = 0; i < EXACT_DIGITS; i++)
		if (s.digit[i] != 0)
		{
			PutU8(buf, i);
			PutU64(buf, (uint64) s.digit[i]);
		}
}

static void
PutNumbers(StringInfo buf, const ProfileColumn *c)
{
	uint64		all = 0;
	int			zeros;
	int64		last = 0;

	for (int i = 0; i < c->n; i++)
		all |= (uint64) NumberKey(c->numbers[i].x);
	zeros = all == 0 ? 0 : __builtin_ctzll(all);
	PutU8(buf, c->bits);
	PutU8(buf, zeros);
	PutU32(buf, c->n);
	for (int i = 0; i < c->n; i++)
	{
		int64		key = NumberKey(c->numbers[i].x) / (INT64CONST(1) << zeros);

		if (i == 0)
			PutU64(buf, (uint64) key);
		else
			PutVarint(buf, (uint64) key - (uint64) last);
		PutVarint(buf, c->numbers[i].rows);
		last = key;
	}
	if (c->bits == MANTISSA_BITS)
		return;
	PutU8(buf, c->sums != NULL);
	if (c->sums != NULL)
	{
		PutSum(buf, &c->sums->sum);
		PutSum(buf, &c->sums->squares);
	}
}

static void
PutColumn(StringInfo buf, const ProfileColumn *c)
{
	PutText(buf, c->name, strlen(c->name));
	PutU8(buf, c->type);
	PutU8(buf, c->store);
	PutU32(buf, c->position);
	PutVarint(buf, c->nulls);
	PutVarint(buf, c->rest);
	PutU8(buf, c->ranged);
	if (c->ranged)
	{
		PutF64(buf, c->low);
		PutF64(buf, c->high);
	}
	PutU8(buf, c->sketch != NULL);
	if (c->sketch != NULL)
		appendBinaryStringInfo(buf, (const char *) c->sketch, PROFILE_SKETCH);
	switch (c->store)
	{
		case PROFILE_NUMBERS:
			PutNumbers(buf, c);
			break;
		case PROFILE_LEVELS:
			PutU32(buf, c->n);
			for (int i = 0; i < c->n; i++)
			{
				PutText(buf, c->levels[i].text, c->levels[i].len);
				PutVarint(buf, c->levels[i].rows);
			}
			break;
		case PROFILE_HASHED:
			for (int i = 0; i < PROFILE_HASH_CELLS; i++)
				PutVarint(buf, c->hashed[i]);
			break;
		case PROFILE_COUNTED:
			break;
	}
}

bytea *
ProfileEncode(const Profile *p)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoSpaces(&buf, VARHDRSZ);
	PutU32(&buf, PROFILE_MAGIC);
	PutU32(&buf, PROFILE_VERSION);
	PutU32(&buf, 0);			/* the checksum, below */
	PutU64(&buf, p->rows);
	PutU32(&buf, p->ncolumns);
	for (int i = 0; i < p->ncolumns; i++)
		PutColumn(&buf, &p->columns[i]);
	PutU32(&buf, p->model_checksum);
	PutU32(&buf, p->model_bytes);
	PutU32(&buf, p->nterms);
	for (int i = 0; i < p->nterms; i++)
	{
		PutText(&buf, p->terms[i].name, strlen(p->terms[i].name));
		PutSum(&buf, &p->terms[i].sum);
	}
	StoreU32(buf.data + VARHDRSZ + 8,
			 ChecksumOf(buf.data + VARHDRSZ + PROFILE_CHECKED_FROM,
						buf.len - VARHDRSZ - PROFILE_CHECKED_FROM));
	SET_VARSIZE(buf.data, buf.len);
	return (bytea *) buf.data;
}

/* ---- reading ---- */

static uint64
GetVarint(Reader *r)
{
	uint64		v = 0;

	for (int shift = 0; shift < 64; shift += 7)
	{
		uint8		b = GetU8(r);

		if (shift == 63 && b > 1)
			break;
		v |= (uint64) (b & 127) << shift;
		if (b < 128)
		{
			if (b == 0 && shift > 0)
				break;			/* could be shorter */
			return v;
		}
	}
	ReaderFail(r, "A number is not written as it should be.");
	return 0;
}

/* Rows of a column that are still to come; goes down. */
static int64
GetRows(Reader *r, int64 *left)
{
	uint64		rows = GetVarint(r);

	if (rows > (uint64) *left)
	{
		ReaderFail(r, "A column has more values than rows.");
		return 0;
	}
	*left -= (int64) rows;
	return (int64) rows;
}

static bool
GetFlag(Reader *r)
{
	uint8		flag = GetU8(r);

	if (flag > 1)
		ReaderFail(r, "A flag is neither set nor clear.");
	return flag == 1;
}

static void
GetSum(Reader *r, ExactSum *sum)
{
	int			n = GetU8(r),
				last = -1;

	for (int i = 0; i < n && r->why == NULL; i++)
	{
		int			at = GetU8(r);
		int64		digit = (int64) GetU64(r);

		if (at <= last || at >= EXACT_DIGITS || digit == 0 ||
			(at < EXACT_DIGITS - 1 ? digit < 0 || digit > PG_UINT32_MAX :
			 digit < -PG_INT32_MAX || digit > PG_INT32_MAX))
		{
			ReaderFail(r, "A sum is out of range.");
			return;
		}
		sum->digit[at] = digit;
		last = at;
	}
}

static void
GetSums(Reader *r, ProfileColumn *c)
{
	if (!GetFlag(r))
		return;
	if (!ProfileKeepsSums(c->type))
		ReaderFail(r, "A column's description contradicts its type.");
	c->sums = palloc0(sizeof(PowerSums));
	GetSum(r, &c->sums->sum);
	GetSum(r, &c->sums->squares);
}

static void
GetNumbers(Reader *r, ProfileColumn *c, int64 *left)
{
	int			zeros;
	int64		key = 0;
	uint64		all = 0;

	c->bits = GetU8(r);
	zeros = GetU8(r);
	if (c->bits != MANTISSA_BITS && c->bits > GRID_BITS)
		ReaderFail(r, "A column has no such grid.");
	if (zeros > 62)
		ReaderFail(r, "A number is not written as it should be.");
	c->n = GetCount(r, c->bits == 0 ? MOST_GRID_CELLS : PROFILE_NUMBERS_EXACT, 2,
					"A column has too many values.");
	c->numbers = palloc(sizeof(NumberCount) * Max(c->n, 1));
	for (int i = 0; i < c->n && r->why == NULL; i++)
	{
		uint64		step = i == 0 ? GetU64(r) : GetVarint(r);
		int64		most = PG_INT64_MAX >> zeros;

		if (i == 0)
			key = (int64) step;
		else if (step == 0 || step > (uint64) most - (uint64) key)
		{
			ReaderFail(r, "The values of a column are not sorted.");
			return;
		}
		else
			key = (int64) ((uint64) key + step);
		if (key > most || key < -most)
		{
			ReaderFail(r, "A value is not finite.");
			return;
		}
		all |= (uint64) key;
		c->numbers[i].x = KeyNumber(key * (INT64CONST(1) << zeros));
		if (!isfinite(c->numbers[i].x))
		{
			ReaderFail(r, "A value is not finite.");
			return;
		}
		if (c->bits < MANTISSA_BITS &&
			GridRound(c->numbers[i].x, c->bits) != c->numbers[i].x)
			ReaderFail(r, "A value is not on its grid.");
		c->numbers[i].rows = GetRows(r, left);
		if (c->numbers[i].rows == 0)
			ReaderFail(r, "A value stands for no row.");
	}
	if (all == 0 ? zeros != 0 : (all & 1) == 0)
		ReaderFail(r, "A number is not written as it should be.");
	if (c->bits != MANTISSA_BITS)
		GetSums(r, c);
}

static void
GetLevels(Reader *r, ProfileColumn *c, int64 *left)
{
	int64		bytes = 0;

	c->n = GetCount(r, PROFILE_LEVELS_EXACT, 5, "A column has too many values.");
	c->levels = palloc0(sizeof(LevelCount) * Max(c->n, 1));
	for (int i = 0; i < c->n && r->why == NULL; i++)
	{
		LevelCount *l = &c->levels[i];

		l->text = GetText(r, &l->len);
		l->rows = GetRows(r, left);
		bytes += l->len;
		if (l->rows == 0)
			ReaderFail(r, "A value stands for no row.");
		if (i > 0)
		{
			int			cmp = memcmp(l[-1].text, l->text, Min(l[-1].len, l->len));

			if (cmp > 0 || (cmp == 0 && l[-1].len >= l->len))
				ReaderFail(r, "The values of a column are not sorted.");
		}
	}
	if (bytes > PROFILE_LEVEL_BYTES)
		ReaderFail(r, "A column has too many values.");
}

static void
GetSketch(Reader *r, ProfileColumn *c)
{
	const uint8 *sketch = GetBytes(r, PROFILE_SKETCH);

	if (sketch == NULL)
		return;
	c->sketch = palloc(PROFILE_SKETCH);
	memcpy(c->sketch, sketch, PROFILE_SKETCH);
	for (int i = 0; i < PROFILE_SKETCH; i++)
		if (sketch[i] > 55)
			ReaderFail(r, "A sketch is out of range.");
}

static void
GetColumn(Reader *r, ProfileColumn *c, int64 rows)
{
	int64		left = rows;
	bool		text;

	c->name = GetName(r);
	c->type = GetU8(r);
	c->store = GetU8(r);
	c->position = GetI32(r);
	if (c->type > CELL_TYPE_LAST || c->store < PROFILE_NUMBERS ||
		c->store > PROFILE_COUNTED || c->position < 0)
		ReaderFail(r, "A column's description is out of range.");
	if (r->why != NULL)
		return;
	text = CellTypeClass(c->type) == CLASS_TEXT;
	if ((c->type == CELL_UNUSABLE && c->store != PROFILE_COUNTED) ||
		(c->store == PROFILE_NUMBERS && text) ||
		((c->store == PROFILE_LEVELS || c->store == PROFILE_HASHED) && !text))
		ReaderFail(r, "A column's description contradicts its type.");
	c->nulls = GetRows(r, &left);
	c->rest = GetRows(r, &left);
	if (c->rest > 0 && !(c->store == PROFILE_LEVELS || c->store == PROFILE_HASHED))
		ReaderFail(r, "A column's description contradicts its type.");
	c->ranged = GetFlag(r);
	if (c->ranged)
	{
		c->low = GetFinite(r, "A range is not finite.");
		c->high = GetFinite(r, "A range is not finite.");
		if (c->low > c->high || text)
			ReaderFail(r, "A range is upside down.");
	}
	if (GetFlag(r))
		GetSketch(r, c);
	if (c->sketch != NULL && (c->store == PROFILE_LEVELS || c->store == PROFILE_COUNTED))
		ReaderFail(r, "A column's description contradicts its type.");
	if (r->why != NULL)
		return;
	if (c->store == PROFILE_NUMBERS)
		GetNumbers(r, c, &left);
	else if (c->store == PROFILE_LEVELS)
		GetLevels(r, c, &left);
	else if (c->store == PROFILE_HASHED)
	{
		c->hashed = palloc(sizeof(int64) * PROFILE_HASH_CELLS);
		for (int i = 0; i < PROFILE_HASH_CELLS; i++)
			c->hashed[i] = GetRows(r, &left);
	}
	if (c->store != PROFILE_COUNTED && left != 0)
		ReaderFail(r, "The values of a column do not add up to the rows.");
	if (c->store == PROFILE_NUMBERS && c->sketch != NULL && c->bits == MANTISSA_BITS)
		ReaderFail(r, "A column's description contradicts its type.");
}

static void
GetProfile(Reader *r, Profile *p)
{
	p->rows = (int64) GetU64(r);
	if (p->rows < 0 || p->rows > PROFILE_MAX_ROWS)
		ReaderFail(r, "Its counts are out of range.");
	p->ncolumns = GetCount(r, PROFILE_MAX_COLUMNS, 15, "It has too many columns.");
	p->columns = palloc0(sizeof(ProfileColumn) * Max(p->ncolumns, 1));
	for (int i = 0; i < p->ncolumns && r->why == NULL; i++)
	{
		const ProfileColumn *a = &p->columns[Max(i - 1, 0)];
		ProfileColumn *b = &p->columns[i];

		CHECK_FOR_INTERRUPTS();
		GetColumn(r, b, p->rows);
		if (r->why != NULL)
			return;
		if (i > 0 && (a->position > b->position ||
					  (a->position == b->position && strcmp(a->name, b->name) >= 0)))
			ReaderFail(r, "The columns are not in order.");
		for (int j = 0; j < i; j++)
			if (strcmp(p->columns[j].name, b->name) == 0)
				ReaderFail(r, "A column is there twice.");
	}
	p->model_checksum = GetU32(r);
	p->model_bytes = GetU32(r);
	p->nterms = GetCount(r, LEADSCORE_MAX_COLUMNS, 5, "It has too many columns.");
	if (p->model_bytes == 0 && (p->nterms > 0 || p->model_checksum != 0))
		ReaderFail(r, "It has sums of a model without one.");
	p->terms = palloc0(sizeof(ProfileTerm) * Max(p->nterms, 1));
	for (int i = 0; i < p->nterms && r->why == NULL; i++)
	{
		p->terms[i].name = GetName(r);
		GetSum(r, &p->terms[i].sum);
	}
	if (r->why == NULL && ReaderLeft(r) > 0)
		ReaderFail(r, "There are bytes too many.");
}

/* In the current context; texts of levels point into `bytes`. */
Profile *
ProfileDecode(const struct varlena *bytes)
{
	Profile    *p = palloc0(sizeof(Profile));
	Reader		r = {(const uint8 *) VARDATA_ANY(bytes),
	(const uint8 *) VARDATA_ANY(bytes) + VARSIZE_ANY_EXHDR(bytes), NULL};
	uint32		magic = GetU32(&r),
				version = GetU32(&r),
				crc = GetU32(&r);

	if (r.why == NULL && magic != PROFILE_MAGIC)
		ReaderFail(&r, "It does not start like one.");
	else if (r.why == NULL && version > PROFILE_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("the leadprofile is of format %u, this leadscore reads up to format %d",
						version, PROFILE_VERSION),
				 errhint("Update the extension.")));
	else if (r.why == NULL && version < 1)
		ReaderFail(&r, "Its format is unknown.");
	else if (r.why == NULL && crc != ChecksumOf(r.p, ReaderLeft(&r)))
		ReaderFail(&r, "Its checksum is wrong.");

	GetProfile(&r, p);
	if (r.why != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid leadprofile"),
				 errdetail_internal("%s", r.why)));
	return p;
}
