/*
 * wire_parts: what wire.c needs of wire_linux.c or wire_darwin.c beyond udp/wire.h.
 */
#ifndef IOBENCH_UDP_WIRE_PARTS_H
#define IOBENCH_UDP_WIRE_PARTS_H

#include <stdbool.h>
#include <stdint.h>

/* SO_SNDBUF or SO_RCVBUF, beyond the system's limit where we may. */
void wire_set_buffer(int fd, bool sending, uint64_t bytes);

/* UDP_GRO and SO_ZEROCOPY: 0 or -errno. */
int wire_set_gro(int fd);
int wire_set_zerocopy(int fd);

#endif
