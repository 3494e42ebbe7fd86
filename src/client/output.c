/*-------------------------------------------------------------------------
 *
 * output.c
 *	  A file that is written whole or not at all: it gets its name when it is
 *	  complete.  A name that ends in .gz is written compressed.
 *
 *-------------------------------------------------------------------------
 */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define FAST_COMPRESSION "wb1"
#define NO_COMPRESSION	"wbT"

struct Output
{
	gzFile		file;
	int			fd;
	char	   *path;			/* NULL: stdout */
	char	   *unfinished;		/* beside it, until it is complete */
};

static Output *open_output;

/* A program that ends early leaves nothing behind. */
static void
RemoveUnfinished(void)
{
	if (open_output != NULL && open_output->unfinished != NULL)
		unlink(open_output->unfinished);
}

static void
Failed(Output *output, const char *what)
{
	if (Cancelled())
		exit(Cancelled());
	if (errno == EPIPE)
		exit(EXIT_FILE);		/* who does not want more needs no word */
	Die(EXIT_FILE, "cannot %s %s: %s", what, output->path ? output->path : "the output", strerror(errno));
}

/* path NULL or "-": stdout */
Output *
OutputOpen(const char *path)
{
	Output	   *output = Allocate(sizeof(Output));
	size_t		length = path ? strlen(path) : 0;
	bool		compress = length > 3 && strcmp(path + length - 3, ".gz") == 0;
	struct stat old;
	bool		exists;

	if (path == NULL || strcmp(path, "-") == 0)
		output->fd = dup(STDOUT_FILENO);
	else if (stat(path, &old) == 0 && !S_ISREG(old.st_mode))
	{
		/* a device or a pipe is written as it is */
		output->path = Copy(path);
		if (S_ISDIR(old.st_mode))
			errno = EISDIR;
		output->fd = S_ISDIR(old.st_mode) ? -1 : open(path, O_WRONLY);
	}
	else
	{
		mode_t		mask = umask(0);

		umask(mask);
		/* a link stays one, and who may not read the old file may not read the new one */
		output->path = realpath(path, NULL);
		exists = output->path != NULL;
		if (!exists)
			output->path = Copy(path);
		output->unfinished = Format("%s.XXXXXX", output->path);
		output->fd = mkstemp(output->unfinished);
		if (output->fd < 0)
		{
			free(output->unfinished);
			output->unfinished = NULL;
		}
		else
		{
			open_output = output;
			RemoveOnSignal(output->unfinished);
			atexit(RemoveUnfinished);
			if (fchmod(output->fd, exists ? old.st_mode & 0777 : 0666 & ~mask) != 0)
				Failed(output, "write");
		}
	}
	if (output->fd < 0)
		Failed(output, "write");
	output->file = gzdopen(output->fd, compress ? FAST_COMPRESSION : NO_COMPRESSION);
	if (output->file == NULL || gzbuffer(output->file, 1 << 18) != 0)
		Failed(output, "write");
	return output;
}

void
OutputWrite(Output *output, const void *data, size_t length)
{
	if (length > 0 && gzwrite(output->file, data, (unsigned) length) <= 0)
		Failed(output, "write");
}

/* What was written is on the disk, and the file has its name. */
void
OutputFinish(Output *output)
{
	int			fd = -1;

	if (output->unfinished != NULL && (fd = dup(output->fd)) < 0)
		Failed(output, "write");
	if (gzclose(output->file) != Z_OK)
		Failed(output, "write");
	if (output->unfinished != NULL)
	{
		if (fsync(fd) != 0 || close(fd) != 0 || rename(output->unfinished, output->path) != 0)
			Failed(output, "write");
		RemoveOnSignal(NULL);
		open_output = NULL;
		free(output->unfinished);
	}
	free(output->path);
	free(output);
}
