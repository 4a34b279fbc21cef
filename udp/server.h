/*
 * server: the echo side, one socket and one thread per worker.
 *
 * The sockets share a port (SO_REUSEPORT), over which the kernel spreads clients by their address.
 * A request goes back as it came, but marked as a reply; see udp/seq.h. Replies and whatever else
 * arrives are counted and not answered.
 */
#ifndef IOBENCH_UDP_SERVER_H
#define IOBENCH_UDP_SERVER_H

#include "common/measure/serve.h"
#include "udp/config.h"
#include "udp/send_errors.h"
#include "udp/udp_loop.h"

#include <stdbool.h>
#include <stdint.h>

struct server;

struct server_counts {
    uint64_t received, echoed;
    uint64_t corrupted;       /* neither a request nor a reply, or cut short */
    uint64_t replies_dropped; /* another server answered us: an answer to that would never end */
    struct send_errors send_errors;
};

struct server_worker {
    struct server *server;
    struct udp_loop loop;
    struct udp_socket socket;
    struct server_counts counts;
    int64_t kernel_drops; /* receive buffer full; -1 unknown. Set at the end */
};

struct server {
    const struct udp_config *config;
    const struct udp_setup *setup;
    struct serve serve;
    const struct net_address *address; /* listened on */
    struct server_worker *workers;
    bool checked; /* messages are long enough for a header */
};

/*
 * Prepares the threads, and opens their sockets at address, whose port 0 is replaced by the one
 * that the kernel chose. 0 or -errno; -EADDRINUSE also when another server shares the port.
 */
int server_open(struct server *s, struct net_address *address, const struct opt_cpus *cpus);
void server_close(struct server *s);

#endif
