/*
 * net: addresses and sockets.
 */
#ifndef IOBENCH_NET_H
#define IOBENCH_NET_H

#include "common/base/stats.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct net_address {
    struct sockaddr_storage storage;
    socklen_t len;
};

/* What to set on each connection; 0 leaves the kernel's default. */
struct net_options {
    uint64_t sndbuf_bytes, rcvbuf_bytes;
    bool nodelay;
    bool reset_on_close; /* SO_LINGER of 0: close(2) resets, and leaves no TIME_WAIT */
};

enum { NET_TEXT_CAP = 128 };

/*
 * Looks host up (IPv4, IPv6 or a name) for type SOCK_STREAM or SOCK_DGRAM. host NULL is every
 * local address, for listening. 0, or -errno with the reason in why.
 */
int net_resolve(const char *host, uint16_t port, int type, struct net_address *address, char *why,
                size_t why_cap);

/* The address of a Unix socket: 0, or -ENAMETOOLONG with how long it may be in why. */
int net_unix_address(const char *path, struct net_address *address, char *why, size_t why_cap);

/* "127.0.0.1:8080", "[::1]:8080" or "unix:/tmp/x"; fills buf and returns it. */
char *net_text(char *buf, size_t cap, const struct net_address *address);

bool net_is_unix(const struct net_address *address);

/*
 * A listening stream socket: descriptor or -errno. With share, several sockets may listen on the
 * same address. A port of 0 in address is replaced by the one the kernel chose. A Unix path that
 * is a socket nobody listens on any more is taken over; anything else there is -EADDRINUSE.
 */
int net_listen(struct net_address *address, int backlog, bool share);

/*
 * Begins to connect: descriptor, with *pending when the outcome is yet to come (the socket turns
 * writable; then ask net_connect_result()), or -errno. timeout_ns bounds a Unix connect, which
 * blocks, because a full backlog would otherwise be reported as an error. Its system calls are
 * added to stats.
 */
int net_connect(const struct net_address *address, const struct net_options *options,
                uint64_t timeout_ns, bool *pending, struct stats *stats);

/* 0 when the connection stands, else the -errno that it failed with. */
int net_connect_result(int fd);

/* Sets what options ask for on a stream socket; returns the number of setsockopt calls made. */
unsigned net_set_options(int fd, const struct net_options *options);

/* Resets a TCP connection at once, whatever waits for it; its descriptor stays to be closed. */
void net_reset(int fd);

/* Raises the soft limit of descriptors to want if the hard one allows it: the limit now in force.
 */
uint64_t net_raise_descriptor_limit(uint64_t want);

#endif
