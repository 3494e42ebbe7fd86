/*-------------------------------------------------------------------------
 *
 * scoring.h
 *	  Chunks of a file that are scored on several connections at once.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_SCORING_H
#define LEADSCORE_SCORING_H

#include "csv.h"

/* What every chunk is scored by. */
typedef struct Scoring
{
	char	   *model;			/* name@version: one model for the whole file */
	char	   *cuts;			/* where grades begin, or NULL: the model has none */
	int			reasons;
	char	   *schema;
	const char *file;			/* as messages name it */
	int			n;				/* columns that the model needs */
	char	  **names;
	char	  **types;			/* as the model was trained, or as --types says */
	char	  **shown_types;	/* as a person writes them */
	int		   *positions;		/* in the file */
} Scoring;

/* Values of one column, as the server receives an array of texts. */
typedef struct Values
{
	char	   *bytes;
	size_t		length;
	size_t		room;
} Values;

typedef struct Row
{
	size_t		begin;			/* in the chunk's text */
	size_t		length;
	int			end;
	bool		blank;			/* a line without anything, which has no score */
	int64_t		line;
} Row;

typedef enum ChunkState
{
	CHUNK_EMPTY,
	CHUNK_FILLED,
	CHUNK_SCORED
} ChunkState;

typedef struct Chunk
{
	ChunkState	state;
	char	   *text;			/* records with their ends */
	size_t		length;
	size_t		room;
	Row		   *rows;
	int			n_rows;
	int			rows_room;
	int			scored;			/* rows that are not blank */
	Values	   *columns;
	PGresult   *result;			/* score, grade, reasons of the rows that are not blank */
	int			failed;			/* the exit code, or 0 */
	json_t	   *errors;			/* messages: [{message, hint}, ...] */
} Chunk;

extern void ScoringStart(const Scoring *scoring, PGconn **conns, int n, Chunk *chunks, int n_chunks);
extern void ScoringHandOver(Chunk *chunk);
extern void ScoringWait(Chunk *chunk);
extern void ScoringStop(void);

extern void ScoreChunk(const Scoring *scoring, PGconn *conn, Chunk *chunk);
extern bool PrepareScoring(const Scoring *scoring, PGconn *conn);

extern void ClearChunk(const Scoring *scoring, Chunk *chunk);
extern void AddRow(const Scoring *scoring, Chunk *chunk, const Record *record, const Fields *fields, const NullTexts *nulls);

#endif
