/*
 * udp_linux: names that are newer than the C library's headers, but not than the kernel's
 * interface.
 */
#ifndef IOBENCH_UDP_UDP_LINUX_H
#define IOBENCH_UDP_UDP_LINUX_H

#include <netinet/udp.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#endif
