/*-------------------------------------------------------------------------
 *
 * csv.h
 *	  CSV files that are read: records, fields, names, types.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_CSV_H
#define LEADSCORE_CSV_H

#include "client.h"

/* ---- a file, record by record (input.c) ---- */

typedef struct Input Input;

typedef struct Record
{
	const char *text;			/* valid until the next one is asked for */
	size_t		length;			/* without the line's end */
	int			end;			/* bytes of the line's end: 0, 1 or 2 */
	int64_t		line;			/* where it begins, counted from 1 */
	int			lines;			/* how many it has */
} Record;

extern Input *InputOpen(const char *name);
extern bool InputRecord(Input *input, Record *record);
extern bool InputPeek(Input *input, size_t *ahead, Record *record);
extern bool InputIsFile(const Input *input);
extern const char *InputName(const Input *input);
extern bool InputHasMark(const Input *input);
extern double InputDone(const Input *input);
extern double InputTotal(const Input *input);
extern void InputClose(Input *input);

/* ---- fields (fields.c) ---- */

typedef struct Field
{
	const char *text;
	size_t		length;
	const char *raw;			/* with its quotes */
	size_t		raw_length;
} Field;

/* What stands for nothing beside the empty field. */
typedef struct NullTexts
{
	int			n;
	Field	   *texts;
} NullTexts;

typedef struct Fields
{
	int			n;
	Field	   *fields;
	int			room;
	char	   *scratch;		/* fields that were quoted, without their quotes */
	size_t		scratch_room;
} Fields;

extern void SplitRecord(Fields *fields, const Record *record, char delimiter);
extern NullTexts *ParseNullTexts(const char *list);
extern bool IsNullField(const Field *field, const NullTexts *nulls);
extern void RefuseStrayReturn(const Input *input, const Record *record, int64_t line);
extern char DelimiterOption(const char *text);
extern char DetectDelimiter(Input *input);
extern const char *DelimiterName(char delimiter);

/* ---- the first line (header.c) ---- */

typedef struct Header
{
	int			n;
	char	  **names;			/* as PostgreSQL can have them */
	char	  **written;		/* as the file has them */
} Header;

extern Header *MakeHeader(const Fields *fields, bool is_data);
extern int	FindColumn(const Header *header, const char *name);
extern bool LooksLikeData(const Fields *fields);
extern char **ColumnTypes(const Header *header, const char *text);

/* ---- types (types.c) ---- */

typedef struct ColumnFacts
{
	unsigned	possible;		/* bits of the types that all values have */
	int64_t		rows;
	int64_t		nulls;
	int64_t		numbers;
	char	   *no_number;		/* the first value that is none */
	int64_t		no_number_line;
	char	   *suspect;		/* the first that other programs write for nothing */
	int64_t		suspects;		/* how many are the same */
} ColumnFacts;

extern ColumnFacts *NewFacts(int n);
extern void AddFact(ColumnFacts *facts, const Field *field, const NullTexts *nulls, int64_t line);
extern const char *TypeOf(const ColumnFacts *facts);

#endif
