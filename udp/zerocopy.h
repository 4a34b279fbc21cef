/*
 * zerocopy: waiting until the kernel no longer needs the bytes of sends with MSG_ZEROCOPY.
 *
 * The kernel reports on the socket's error queue which sends it is done with, and whether it had to
 * copy after all, as it does over loopback (Documentation/networking/msg_zerocopy.rst).
 */
#ifndef IOBENCH_UDP_ZEROCOPY_H
#define IOBENCH_UDP_ZEROCOPY_H

#include "common/base/stats.h"

/*
 * Waits for so many sends on fd, all that there are, and counts them and the copied ones. A kernel
 * that is not done with them within a second counts as a fault in sending.
 */
void zerocopy_wait(int fd, unsigned sends, struct stats *stats);

#endif
