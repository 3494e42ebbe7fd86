/*-------------------------------------------------------------------------
 *
 * facts.c
 *	  What a training set says about its columns, before anything is fitted:
 *	  what leaks, what is constant, what looks like a key.
 *
 * Facts only; what they are worth is decided in SQL, where it can be read.
 * A column's AUC alone tells a leak that is not quite perfect: numbers count by
 * their order, categories by the share of positives in levels of at least
 * LEVEL_MIN_ROWS rows, the rarer ones together, so that chance does not pass
 * for a leak.  Dictionaries are counted in full.  Plain numbers are sorted for
 * the first SAMPLE_PATTERNS patterns only, which the order of patterns, a
 * hash, makes a random sample that is always the same.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/json.h"

#include "association.h"
#include "facts.h"

#define LEVEL_MIN_ROWS		20
#define LEVELS_SHOWN		1000	/* columns with more levels show none */
#define SAMPLE_PATTERNS		50000

static double
EitherWay(double auc)
{
	return Max(auc, 1 - auc);
}

/* By the share of positives; rare values and NULL each count as one level. */
static double
LevelsAuc(const FrameColumn *c, const ColumnStats *cs)
{
	ValueGroup *groups = palloc(sizeof(ValueGroup) * (c->nvalues + 2));
	ValueGroup	rare = {0, 0, 0};
	int64		n = 0;

	for (int k = 0; k <= c->nvalues; k++)
	{
		const ValueCount *v = &cs->values[k];

		if (v->pos + v->neg == 0)
			continue;
		if (k > 0 && v->pos + v->neg < LEVEL_MIN_ROWS)
		{
			rare.pos += v->pos;
			rare.neg += v->neg;
			continue;
		}
		groups[n].order = (double) v->pos / (v->pos + v->neg);
		groups[n].pos = v->pos;
		groups[n++].neg = v->neg;
	}
	if (rare.pos + rare.neg > 0)
	{
		rare.order = (double) rare.pos / (rare.pos + rare.neg);
		groups[n++] = rare;
	}
	return GroupsAuc(groups, GroupsSort(groups, n));
}

/* By the numbers' order, NULL below or above all others, whichever is more. */
static double
NumbersAuc(ValueGroup *groups, int64 n, ValueCount null)
{
	double		below,
				above;

	groups[n].order = -INFINITY;
	groups[n].pos = null.pos;
	groups[n].neg = null.neg;
	n = GroupsSort(groups, n + 1);
	below = GroupsAuc(groups, n);
	/* the sort has put NULL first */
	groups[0].order = INFINITY;
	above = GroupsAuc(groups, GroupsSort(groups, n));
	return EitherWay(below) > EitherWay(above) ? below : above;
}

static double
DictionaryNumbersAuc(const FrameColumn *c, const ColumnStats *cs)
{
	ValueGroup *groups = palloc(sizeof(ValueGroup) * (c->nvalues + 1));

	for (int k = 0; k < c->nvalues; k++)
	{
		groups[k].order = c->numbers[k];
		groups[k].pos = cs->values[k + 1].pos;
		groups[k].neg = cs->values[k + 1].neg;
	}
	return NumbersAuc(groups, c->nvalues, cs->values[0]);
}

static double
PlainNumbersAuc(const Frame *frame, const FrameColumn *c)
{
	ValueGroup *groups = palloc(sizeof(ValueGroup) * (SAMPLE_PATTERNS + PATTERN_BLOCK_ROWS + 1));
	ValueCount	null = {0, 0, 0};
	PatternBlock block = {0};
	int64		n = 0;
	double		auc;

	while (n < SAMPLE_PATTERNS && FrameScan(frame, &block))
		for (int i = 0; i < block.n; i++)
		{
			double		x;

			if (FrameNumber(c, block.cells + (Size) i * frame->stride, &x))
			{
				groups[n].order = x;
				groups[n].pos = block.pos[i];
				groups[n++].neg = block.neg[i];
			}
			else
			{
				null.pos += block.pos[i];
				null.neg += block.neg[i];
			}
		}
	auc = NumbersAuc(groups, n, null);
	pfree(groups);
	return auc;
}

static double
ColumnAuc(const FrameStats *s, int column)
{
	const FrameColumn *c = &s->frame->columns[column];
	const ColumnStats *cs = &s->columns[column];

	if (c->store == STORE_NUMBERS)
		return PlainNumbersAuc(s->frame, c);
	if (c->store != STORE_DICTIONARY || cs->values == NULL)
		return NAN;
	if (CellTypeClass(c->type) == CLASS_TEXT || CellTypeClass(c->type) == CLASS_BOOL ||
		c->part != TRANSFORM_NONE)
		return LevelsAuc(c, cs);
	return DictionaryNumbersAuc(c, cs);
}

static void
PutString(StringInfo json, const char *key, const char *value)
{
	appendStringInfo(json, ", \"%s\": ", key);
	escape_json(json, value);
}

/* The levels of a text column with their rows, {"Oslo": 12, …}. */
static void
PutLevels(StringInfo json, const FrameColumn *c, const ColumnStats *cs)
{
	if (c->texts == NULL || cs->values == NULL || c->nvalues > LEVELS_SHOWN)
		return;
	appendStringInfoString(json, ", \"levels\": {");
	for (int k = 0; k < c->nvalues; k++)
	{
		if (k > 0)
			appendStringInfoString(json, ", ");
		escape_json(json, TextFromUtf8(c->texts[k], c->lengths[k]));
		appendStringInfo(json, ": " INT64_FORMAT,
						 cs->values[k + 1].pos + cs->values[k + 1].neg);
	}
	appendStringInfoChar(json, '}');
}

/* Columns as objects in an array; roles are no features and are passed over. */
char *
FrameFacts(const FrameStats *s, const Options *opt, bool *hopeless)
{
	const Frame *frame = s->frame;
	StringInfoData json;
	bool		first = true;
	bool		both = frame->positives > 0 && frame->positives < frame->rows;

	*hopeless = !both;
	initStringInfo(&json);
	appendStringInfoChar(&json, '[');
	for (int i = 0; i < frame->ncolumns; i++)
	{
		const FrameColumn *c = &frame->columns[i];
		const ColumnStats *cs = &s->columns[i];
		const LeftOut *left;
		double		auc;

		if (c->role != ROLE_FEATURE || NameInList(opt->exclude, c->source))
			continue;
		left = ScreenColumn(s, i, opt);
		appendStringInfo(&json, "%s{\"column\": ", first ? "" : ", ");
		first = false;
		escape_json(&json, TextFromUtf8(c->name, strlen(c->name)));
		PutString(&json, "source", TextFromUtf8(c->source, strlen(c->source)));
		PutString(&json, "type", CellTypeName(c->type));
		appendStringInfo(&json, ", \"nulls\": " INT64_FORMAT, c->nulls);
		if (FrameColumnHasCells(c))
			appendStringInfo(&json, ", \"filled_true\": " INT64_FORMAT
							 ", \"filled_false\": " INT64_FORMAT,
							 frame->positives - cs->null.pos,
							 frame->rows - frame->positives - cs->null.neg);
		if (left != NULL)
		{
			PutString(&json, "left_out", left->reason);
			PutString(&json, "detail",
					  TextFromUtf8(left->detail, strlen(left->detail)));
			if (strcmp(left->reason, LEFT_OUT_DETERMINES) == 0)
				*hopeless = true;
		}
		else
		{
			if (both && !isnan(auc = ColumnAuc(s, i)))
				appendStringInfo(&json, ", \"auc\": %.6f", EitherWay(auc));
			PutLevels(&json, c, cs);
		}
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoChar(&json, ']');
	return json.data;
}

/* ------------------------------------------------------------------------
 * Fingerprint
 * ------------------------------------------------------------------------
 */

static void
MixBytes(uint64 h[2], const void *bytes, int n)
{
	for (int lane = 0; lane < 2; lane++)
		h[lane] = hash_bytes_extended(bytes, n, h[lane] + lane);
}

static void
MixNumber(uint64 h[2], uint64 n)
{
	MixBytes(h, &n, sizeof(n));
}

static void
MixText(uint64 h[2], const char *s, int len)
{
	MixNumber(h, len);
	MixBytes(h, s, len);
}

/*
 * Columns and dictionaries in their order, then the sum of a hash per pattern,
 * times its counts: that has no order.  No signature: it tells rows that are
 * the same from rows that are not, by accident but not by design.
 */
char *
FrameFingerprint(const Frame *frame)
{
	uint64		h[2] = {UINT64CONST(0x6c65616473636f72), UINT64CONST(0x653a31)};
	uint64		sum[2] = {0, 0};
	PatternBlock block = {0};
	int			size = 0;		/* of a pattern's cells */

	MixNumber(h, frame->rows);
	MixNumber(h, frame->positives);
	for (int i = 0; i < frame->ncolumns; i++)
	{
		const FrameColumn *c = &frame->columns[i];

		size += c->width;
		MixText(h, c->name, strlen(c->name));
		MixNumber(h, c->type);
		MixNumber(h, c->part);
		MixNumber(h, c->role);
		MixNumber(h, c->store);
		MixNumber(h, c->nulls);
		MixNumber(h, DoubleBits(c->low));
		MixNumber(h, DoubleBits(c->high));
		for (int k = 0; k < c->nvalues; k++)
		{
			if ((k & 0xFFF) == 0)
				CHECK_FOR_INTERRUPTS();
			if (c->texts != NULL)
				MixText(h, c->texts[k], c->lengths[k]);
			else
				MixNumber(h, DoubleBits(c->numbers[k]));
		}
	}
	while (FrameScan(frame, &block))
		for (int i = 0; i < block.n; i++)
		{
			const uint8 *cells = block.cells + (Size) i * frame->stride;

			for (int lane = 0; lane < 2; lane++)
			{
				uint64		p = hash_bytes_extended(cells, size, lane + 1);

				sum[lane] += p * (2 * (uint64) block.pos[i]) +
					(p ^ UINT64CONST(0x5555555555555555)) * (2 * (uint64) block.neg[i] + 1);
			}
		}
	MixNumber(h, sum[0]);
	MixNumber(h, sum[1]);
	return psprintf("%016llx%016llx", (unsigned long long) h[0],
					(unsigned long long) h[1]);
}
