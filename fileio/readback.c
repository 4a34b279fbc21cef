#include "fileio/readback.h"

#include "fileio/ops.h"
#include "fileio/verify.h"

#include <errno.h>
#include <unistd.h>

/* In the one task that is used for it, by a plain system call. */
static void readback_one(struct file_worker *w, struct task *t, uint64_t block)
{
    const struct run *run = w->run;
    enum stats_error kind;
    ssize_t got;

    ops_place(w, t, block);
    t->op.kind = FILE_READ;
    got = pread(run->files.fds[w->first_file + block / w->plan->blocks_per_file], t->op.buf,
                t->op.len, (off_t)t->op.offset);
    if (got < 0) {
        ops_note_failure(w, t, -errno, stats_file_error(errno));
    } else if (got < (ssize_t)t->op.len) {
        ops_note_failure(w, t, -ENODATA, ERROR_end_of_file);
    } else {
        kind = verify_check(w, t);
        if (kind != ERROR_KINDS)
            ops_note_failure(w, t, -EBADMSG, kind);
    }
}

void readback_rest(struct file_worker *w)
{
    if (!w->checks || w->plan->pairs || w->plan->read_percent == 100)
        return;
    for (uint64_t block = 0; block < w->plan->blocks && !w->failure.err; block++)
        if (w->generations[block])
            readback_one(w, &w->tasks[0], block);
}
