/*-------------------------------------------------------------------------
 *
 * textkey.h
 *	  Texts as keys of hash tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_TEXTKEY_H
#define LEADSCORE_TEXTKEY_H

#include "bytes.h"

/*
 * Levels are short: up to 16 bytes a text is two numbers, which are hashed and
 * compared without looking at it again.
 */
typedef struct TextKey
{
	uint64		head;
	uint64		tail;
	const char *text;
	int			len;
} TextKey;

static inline uint64
TextKeyHash(const TextKey *k)
{
	uint64		h = (k->head ^ (uint64) k->len) * UINT64CONST(0xff51afd7ed558ccd);

	h = (h ^ (h >> 32) ^ k->tail) * UINT64CONST(0xd6e8feb86659fd93);
	return h ^ (h >> 32);
}

/*
 * The same for a table that looks at the lowest bits.  They depend on every
 * byte; those of TextKeyHash(), which the order of a frame's rows stands on, do
 * not: it would put "source_04" and "source_05" in one place.
 */
static inline uint32
TextKeyPlace(const TextKey *k)
{
	return (uint32) ((TextKeyHash(k) * UINT64CONST(0x9e3779b97f4a7c15)) >> 32);
}

static inline bool
SameText(const TextKey *a, const TextKey *b)
{
	return a->head == b->head && a->tail == b->tail && a->len == b->len &&
		(a->len <= 16 || memcmp(a->text, b->text, a->len) == 0);
}

/* Bytes as a number, the first the lowest, on every machine. */
static inline uint64
LoadBytes8(const char *s)
{
	uint64		v;

	memcpy(&v, s, 8);
	return HostToLittle64(v);
}

static inline uint64
LoadBytes4(const char *s)
{
	uint32		v;

	memcpy(&v, s, 4);
	return HostToLittle32(v);
}

/* The key of a text; what is in head and tail of a longer one is a hash. */
static inline TextKey
MakeTextKey(const char *text, int len)
{
	TextKey		k = {0, 0, text, len};

	if (len > 16)
	{
		k.head = LoadBytes8(text);
		for (int i = 8; i <= len - 8; i += 8)
		{
			k.head = (k.head ^ LoadBytes8(text + i)) * UINT64CONST(0xff51afd7ed558ccd);
			k.head ^= k.head >> 32;
		}
		k.tail = LoadBytes8(text + len - 8);
	}
	else if (len >= 8)
	{
		k.head = LoadBytes8(text);
		k.tail = LoadBytes8(text + len - 8);
	}
	else if (len >= 4)
		k.head = LoadBytes4(text) | LoadBytes4(text + len - 4) << 32;
	else if (len > 0)
		k.head = (uint8) text[0] | (uint64) (uint8) text[len / 2] << 8 |
			(uint64) (uint8) text[len - 1] << 16;
	return k;
}

/*
 * A place in a small table of texts that came lately, each in the one place
 * that its hash gives it.  A full table of its own would take one step or
 * several to find a text, which a processor cannot guess.  Long texts are not
 * kept: head and tail don't tell them apart.
 */
#define RECENT_LEAST_TEXTS	64
#define RECENT_MOST_TEXTS	1024
#define RECENT_PER_VALUE	16
#define RECENT_FROM_ROW		1024	/* for fewer rows it is not worth the memory */
#define RECENT_MAX_LENGTH	16

typedef struct RecentText
{
	uint64		head;
	uint64		tail;
	int			len;
	bool		used;
} RecentText;

/*
 * Places for the texts of a dictionary, a power of two: so many that hardly two
 * of its values have the same one, for those would drive each other out.
 */
static inline int
RecentPlaces(int nvalues)
{
	int			n = RECENT_LEAST_TEXTS;

	while (n < RECENT_MOST_TEXTS && n < RECENT_PER_VALUE * (int64) nvalues)
		n *= 2;
	return n;
}

static inline int
RecentPlace(const TextKey *k, int places)
{
	return (int) (TextKeyPlace(k) & (uint32) (places - 1));
}

static inline bool
RecentIs(const RecentText *recent, const TextKey *k)
{
	return recent->head == k->head && recent->tail == k->tail &&
		recent->len == k->len && recent->used;
}

/* False if the text is too long to be kept. */
static inline bool
RecentKeep(RecentText *recent, const TextKey *k)
{
	if (k->len > RECENT_MAX_LENGTH)
		return false;
	recent->head = k->head;
	recent->tail = k->tail;
	recent->len = k->len;
	recent->used = true;
	return true;
}

#endif							/* LEADSCORE_TEXTKEY_H */
