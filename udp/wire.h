/*
 * wire: datagrams in and out of a socket, as many as possible with one system call.
 *
 * One per thread. wire_linux.c uses recvmmsg, sendmmsg, UDP_SEGMENT and UDP_GRO; wire_darwin.c, for
 * systems that have none of these, moves one datagram at a time.
 */
#ifndef IOBENCH_UDP_WIRE_H
#define IOBENCH_UDP_WIRE_H

#include "common/base/stats.h"
#include "common/loop/net.h"
#include "udp/gso.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest datagram or train that can be received. */
enum { WIRE_BYTES = 65535 };

struct wire;

struct wire_ways {
    unsigned batch; /* datagrams (or trains) per system call, at least 1 */
    bool gso, gro;
    bool zerocopy; /* MSG_ZEROCOPY: the kernel is to send from our memory if it can */
};

/* NULL when memory ran out. */
struct wire *wire_open(const struct wire_ways *ways, struct stats *stats);
void wire_close(struct wire *w);

/*
 * Receives what is there without waiting: up to most <= batch trains, which stay until the next
 * call. Their number, 0 when there was nothing, or -errno.
 */
int wire_receive(struct wire *w, int fd, struct udp_train *trains, unsigned most);

/*
 * Sends trains in their order without waiting. Returns how many the kernel took; when these are
 * not all, *err is the errno of the first one that it did not take. With GSO, trains that follow
 * one another to the same peer go as one. With zerocopy it returns when their bytes may change.
 */
unsigned wire_send(struct wire *w, int fd, const struct udp_train *trains, unsigned count,
                   int *err);

/* How many datagrams this system moves with one system call when so many are asked for. */
unsigned wire_batch(unsigned asked);

/* Why this system cannot do an offload; NULL: it can. */
enum wire_offload { WIRE_GSO, WIRE_GRO, WIRE_ZEROCOPY };
const char *wire_lacks(enum wire_offload offload);

/* Whether datagrams of size bytes pass to the address in one piece, as trains must. */
bool wire_fits(const struct net_address *address, uint64_t size);

struct wire_options {
    uint64_t sndbuf_bytes, rcvbuf_bytes; /* 0: the kernel's default */
    bool gro, zerocopy;
    bool share; /* SO_REUSEPORT */
};

/*
 * A datagram socket, bound to local or connected to peer where these are given: descriptor or
 * -errno. A port of 0 in local is replaced by the one that the kernel chose.
 */
int wire_socket(int family, struct net_address *local, const struct net_address *peer,
                const struct wire_options *options);

/* SO_RCVBUF as the kernel made it, in bytes. */
uint64_t wire_rcvbuf_bytes(int fd);

/* Datagrams that the kernel dropped because fd's receive buffer was full; -1 unknown. */
int64_t wire_drops(int fd);

/* ---- what wire.c needs of the system ----------------------------------------------------------
 */

/* SO_SNDBUF or SO_RCVBUF, beyond the system's limit where we may. */
void wire_set_buffer(int fd, bool sending, uint64_t bytes);

/* 0 or -errno. */
int wire_switch_on(int fd, enum wire_offload offload);

/* ---- for other ways to receive than wire_receive(); only on Linux ---------------------------- */

/* Message i < batch, ready to be received into; and the train that it is once len bytes came. It
 * may also be made to say where something else has put address, control data and bytes. */
struct msghdr *wire_message(struct wire *w, unsigned i);
struct udp_train wire_train(struct wire *w, unsigned i, uint32_t len);

/* Bytes of control data that a train needs. */
enum { WIRE_CONTROL_BYTES = 32 };

#endif
