/*-------------------------------------------------------------------------
 *
 * leadprofile.h
 *	  The profile: how the values of each column of some rows are distributed,
 *	  in a few kilobytes.
 *
 * Up to so many different values are counted exactly.  Beyond, numbers are
 * rounded to a grid of leading mantissa bits (grid.h) and texts to the leading
 * bits of a hash, and a sketch estimates how many different ones there are; the
 * sums and squares of the numbers stay exact.
 * Whether a column is beyond depends on the set of its values alone, and so do
 * the bits of its grid: the same rows make the same profile whatever order they
 * came in and however they were divided.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_LEADPROFILE_H
#define LEADSCORE_LEADPROFILE_H

#include "exactsum.h"
#include "frame.h"
#include "grid.h"
#include "leadscore.h"

#define PROFILE_NUMBERS_EXACT	GRID_CELLS	/* different numbers */
#define PROFILE_LEVELS_EXACT	2000	/* different texts, and their bytes: */
#define PROFILE_LEVEL_BYTES		65536
#define PROFILE_HASH_CELLS		256
#define PROFILE_SKETCH			1024	/* registers */
#define PROFILE_SCORE			"(score)"	/* the column of a model's scores */
#define PROFILE_MAX_COLUMNS		(LEADSCORE_MAX_COLUMNS * 8)
#define PROFILE_MAX_ROWS		(INT64CONST(1) << 53)

typedef enum ProfileStore
{
	PROFILE_NUMBERS = 1,		/* booleans and days, too */
	PROFILE_LEVELS,
	PROFILE_HASHED,				/* texts beyond the limit */
	PROFILE_COUNTED				/* rows and NULLs only */
} ProfileStore;

typedef struct LevelCount
{
	const char *text;			/* UTF-8, not terminated */
	int			len;
	int64		rows;
} LevelCount;

typedef struct ProfileColumn
{
	char	   *name;
	CellType	type;			/* CELL_UNUSABLE: counted only */
	ProfileStore store;
	int			position;		/* place in the row */
	int64		nulls;
	bool		ranged;			/* low and high are known */
	double		low;			/* not rounded; times in microseconds */
	double		high;
	int			bits;			/* numbers: MANTISSA_BITS if exact */
	int			n;				/* numbers or levels */
	NumberCount *numbers;		/* ascending */
	LevelCount *levels;			/* by bytes */
	int64	   *hashed;			/* PROFILE_HASH_CELLS */
	int64		rest;			/* rows whose level is not listed */
	uint8	   *sketch;			/* of the different values, or NULL */
	PowerSums  *sums;			/* of numbers that are not listed exactly, or NULL */
} ProfileColumn;

/*
 * What a column that a model needs added to the log-odds of all rows.  Drift
 * tells the impact of columns, not of levels: a sum for each of up to 5,000 design
 * columns would be the larger part of a profile and tell nothing more.
 */
typedef struct ProfileTerm
{
	char	   *name;
	ExactSum	sum;			/* above the average lead of the training */
} ProfileTerm;

typedef struct Profile
{
	int64		rows;
	int			ncolumns;
	ProfileColumn *columns;		/* by position, then name */
	uint32		model_checksum;
	uint32		model_bytes;	/* 0: no model */
	int			nterms;
	ProfileTerm *terms;			/* as the model's sources */
} Profile;

/* leadprofile.c */
extern Profile *ProfileUnion(const Profile *a, const Profile *b);	/* a copy */
extern void ProfileSort(Profile *p);
extern const ProfileColumn *ProfileFindColumn(const Profile *p, const char *name);
/* put numbers onto the coarsest grid that they need; sorts nothing */
extern void ProfileTrimNumbers(ProfileColumn *c);
/* the same numbers with fewer bits, in place; returns how many are left */
extern int	ProfileCoarsen(NumberCount *numbers, int n, int bits);
/* a number that will not be listed exactly: for the sketch and the sums */
extern void ProfileTakeNumber(ProfileColumn *c, const NumberCount *number);
extern int	ProfileCompareLevels(const void *a, const void *b);	/* by bytes */
/* make the counts of levels counts of their hashes */
extern void ProfileHashLevels(ProfileColumn *c);
extern int64 ProfileNonNull(const Profile *p, const ProfileColumn *c);
extern double ProfileDistinct(const ProfileColumn *c);	/* NaN: unknown */
extern bool ProfileIsExact(const ProfileColumn *c);
/*
 * Mean and population sd of the n numbers of a column, as they were before they
 * were rounded; left alone where the sums are not known (of a model's training).
 */
extern void ProfileMoments(const ProfileColumn *c, int64 n, double *mean, double *sd);
extern uint64 ProfileHashNumber(double x);
extern uint64 ProfileHashText(const char *text, int len);
extern void ProfileSketch(uint8 *sketch, uint64 hash);

/* profilebytes.c: the one encoder, the one decoder */
extern bytea *ProfileEncode(const Profile *p);
extern Profile *ProfileDecode(const struct varlena *bytes); /* or an error */

/* profilesource.c: the profile of a training set */
extern Profile *ProfileOfFrame(const Frame *frame);
extern Profile *ProfileOfModel(const Model *model);

#define TIME_CELL_USECS		86400000000.0	/* times are counted by days */

/* Beyond what is counted exactly, numbers that it makes sense to average. */
static inline bool
ProfileKeepsSums(CellType type)
{
	return CellTypeClass(type) == CLASS_NUMBER || CellTypeClass(type) == CLASS_INTERVAL;
}

/* The number under which a cell is counted. */
static inline double
ProfileNumber(CellType type, double x)
{
	return CellTypeClass(type) == CLASS_TIME ? __builtin_floor(x / TIME_CELL_USECS) : x;
}

static inline const char *
ProfileTypeName(const ProfileColumn *c)
{
	return c->type == CELL_UNUSABLE ? KIND_OTHER : CellTypeName(c->type);
}

/* "number", …, or "score" for the scores of a model */
static inline const char *
ProfileKind(const ProfileColumn *c)
{
	return strcmp(c->name, PROFILE_SCORE) == 0 ? KIND_SCORE : CellTypeKind(c->type);
}

#endif							/* LEADSCORE_LEADPROFILE_H */
