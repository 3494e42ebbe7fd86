/*-------------------------------------------------------------------------
 *
 * train.h
 *	  The state of the aggregates that build frames and train models.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_TRAIN_H
#define LEADSCORE_TRAIN_H

#include "frame.h"
#include "options.h"

/* Columns of a row whose values have a short way into a frame or a profile. */
typedef enum CellWay
{
	WAY_INT4,
	WAY_INT2,
	WAY_INT8,
	WAY_FLOAT8,
	WAY_TEXT,
	WAY_ANY
} CellWay;

/* Where one column of the builder gets its cell from. */
typedef struct CellSource
{
	int			attr;			/* column of the row */
	int			column;			/* of the builder */
	Size		at;				/* the same in bytes from the first one */
	CellWay		way;
	Feature    *part;			/* carries the transform of a part of a time; or NULL */
} CellSource;

typedef struct FrameState
{
	MemoryContext cxt;
	Jsonb	   *given;			/* the options, or NULL */
	int			kinds;			/* OPTIONS_… of the call */
	Options    *opt;
	FrameBuilder *builder;
	RowInput	input;
	Oid			label_type;
	int			nsources;
	CellSource *sources;		/* by way */
	struct SharedCall *shared;	/* with other groups, or NULL */
	Frame	   *decoded;		/* from another process, not absorbed yet */
} FrameState;

/* `rows`: for rows, under the options' limits; else for frames, under theirs. */

/* train.c */
extern Frame *FinalFrame(FunctionCallInfo fcinfo, const Options **opt);

/* bind.c */
extern CellWay WayOfColumn(const RowColumn *col);
extern void BindColumns(FrameState *st);
extern void CheckSameColumns(const RowShape *was, const RowShape *is);

#endif							/* LEADSCORE_TRAIN_H */
