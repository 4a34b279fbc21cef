/*
 * host_platform: what host.c asks of host_linux.c or host_darwin.c.
 *
 * host_read() has set everything to "unknown" and filled in what POSIX tells before it calls; the
 * platform adds what it can find out and leaves the rest alone.
 */
#ifndef IOBENCH_HOST_PLATFORM_H
#define IOBENCH_HOST_PLATFORM_H

#include "common/host/host.h"

void host_read_platform(struct host *host);

#endif
