/*-------------------------------------------------------------------------
 *
 * valuetype.h
 *	  Input of the types whose values are bytes of leadscore's own.
 *
 *-------------------------------------------------------------------------
 */
#ifndef LEADSCORE_VALUETYPE_H
#define LEADSCORE_VALUETYPE_H

#include "leadscore.h"

/* Decodes, or raises an error; its result is forgotten. */
typedef void (*ValueCheck) (const struct varlena *bytes);

extern Datum ValueIn(FunctionCallInfo fcinfo, const char *type, ValueCheck check);
extern Datum ValueRecv(FunctionCallInfo fcinfo, ValueCheck check);

#endif							/* LEADSCORE_VALUETYPE_H */
