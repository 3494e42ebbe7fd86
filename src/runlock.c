/*-------------------------------------------------------------------------
 *
 * runlock.c
 *	  The lock of a model's runs: an advisory lock of the session that does not
 *	  outlive an error.
 *
 * A run commits on its way, so a lock of the transaction would be lost; and a
 * procedure that commits can't catch what happens between its batches (a
 * cancel, a statement_timeout, a missing privilege), so that a plain lock of
 * the session would stay with a pooled connection.  A transaction that aborts
 * at the top takes the procedure with it, and so the lock.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lock.h"

#include "registry.h"

static bool held = false;
static LOCKTAG held_tag;

static void
ReleaseOnAbort(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_ABORT && held)
	{
		held = false;
		(void) LockRelease(&held_tag, ExclusiveLock, true);
	}
}

void
RunLockInit(void)
{
	RegisterXactCallback(ReleaseOnAbort, NULL);
}

/*
 * take_run_lock(class integer, object integer): false if another session has
 * it, or this one has one already.  The key is that of pg_advisory_lock().
 */
PG_FUNCTION_INFO_V1(lead_take_run_lock);
Datum
lead_take_run_lock(PG_FUNCTION_ARGS)
{
	LOCKTAG		tag;

	if (held)
		PG_RETURN_BOOL(false);
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, PG_GETARG_UINT32(0),
						 PG_GETARG_UINT32(1), 2);
	if (LockAcquire(&tag, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
		PG_RETURN_BOOL(false);
	held_tag = tag;
	held = true;
	PG_RETURN_BOOL(true);
}

/* give_run_lock(): what take_run_lock() took */
PG_FUNCTION_INFO_V1(lead_give_run_lock);
Datum
lead_give_run_lock(PG_FUNCTION_ARGS)
{
	if (held)
	{
		held = false;
		(void) LockRelease(&held_tag, ExclusiveLock, true);
	}
	PG_RETURN_VOID();
}
