/*-------------------------------------------------------------------------
 *
 * leadscore.c
 *	  The module's magic block.
 *
 * leadscore needs no preloading, no shared memory and no settings: options
 * are arguments, so that a stored query says how its model was made.
 *
 *-------------------------------------------------------------------------
 */
#include "leadscore.h"

LEADSCORE_MAGIC;
