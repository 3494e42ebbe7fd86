/*-------------------------------------------------------------------------
 *
 * leadscore.c
 *	  The module's magic block, its settings, and what is done once per session.
 *
 * leadscore needs no preloading and no shared memory.  How a model is made is
 * said by options, which are arguments, so that a stored query tells; settings
 * decide only what changes no result.
 *
 *-------------------------------------------------------------------------
 */
#include "registry.h"

#include <limits.h>

#include "miscadmin.h"
#include "utils/guc.h"

LEADSCORE_MAGIC;

#define INHERIT_WORK_MEM	(-1)
#define LEAST_WORK_MEM		1024	/* kB: the least of maintenance_work_mem, too */

static int	work_memory = INHERIT_WORK_MEM;
static int	tree_memory = 1024 * 1024;

/* Bytes that a training may keep in memory while it reads rows. */
Size
LeadscoreWorkMem(void)
{
	return (Size) (work_memory == INHERIT_WORK_MEM ? maintenance_work_mem : work_memory) * 1024;
}

/* Bytes that a training may use to grow trees. */
Size
LeadscoreTreeMem(void)
{
	return (Size) tree_memory * 1024;
}

static bool
CheckWorkMem(int *value, void **extra, GucSource source)
{
	if (*value == INHERIT_WORK_MEM || *value >= LEAST_WORK_MEM)
		return true;
	GUC_check_errdetail("It must be at least %d kB, or -1 to use \"maintenance_work_mem\".",
						LEAST_WORK_MEM);
	return false;
}

void		_PG_init(void);

void
_PG_init(void)
{
	DefineCustomIntVariable("leadscore.work_mem",
							"Sets the memory in which a training keeps its rows.",
							"What does not fit goes to temporary files; the result is the same. "
							"-1 means to use maintenance_work_mem.",
							&work_memory, INHERIT_WORK_MEM, INHERIT_WORK_MEM,
							MAX_KILOBYTES, PGC_USERSET, GUC_UNIT_KB,
							CheckWorkMem, NULL, NULL);
	DefineCustomIntVariable("leadscore.tree_mem",
							"Sets the memory in which a training may grow trees.",
							"Trees need all rows in memory; a training that needs more is refused before it begins.",
							&tree_memory, 1024 * 1024, LEAST_WORK_MEM, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB, NULL, NULL, NULL);
	DefineCustomBoolVariable("leadscore.progress",
							 "Tells every two seconds what a long training is doing.",
							 "As a NOTICE, and before the query in pg_stat_activity.",
							 &leadscore_progress, false, PGC_USERSET, 0,
							 NULL, NULL, NULL);
	ReserveSettings("leadscore");
	RegistryInit();
	RunLockInit();
}
