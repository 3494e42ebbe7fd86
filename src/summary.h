/*-------------------------------------------------------------------------
 *
 * summary.h
 *	  What the parts of lead_summary() share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_SUMMARY_H
#define LEADSCORE_SUMMARY_H

#include "leadscore.h"

/* summary.c: text on one line, in the server's encoding */
extern char *Utf8Line(const char *s);
extern char *CountText(double x);
extern int	TextWidth(const char *s);
extern void AppendPadding(StringInfo out, int n);
/* of the description of the fit: NaN, NULL where it says nothing */
extern double GetNumber(JsonbContainer *object, const char *key);
extern JsonbContainer *GetContainer(JsonbContainer *object, const char *key, bool array);

/* treesummary.c */
extern void AppendTreeTable(StringInfo out, const Model *model, JsonbContainer *info);

#endif							/* LEADSCORE_SUMMARY_H */
