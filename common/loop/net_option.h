/*
 * net_option: addresses and descriptors as the options host, port and unix ask for them.
 *
 * For the programs' mains alone: each returns 0, or EXIT_USAGE after one line on stderr that names
 * the option to blame.
 */
#ifndef IOBENCH_NET_OPTION_H
#define IOBENCH_NET_OPTION_H

#include "common/base/opt.h"
#include "common/loop/net.h"

#include <stdint.h>

/* What the command line says. */
struct net_option {
    const char *host;      /* NULL: any of the machine's own */
    const char *unix_path; /* instead of host and port; or NULL */
    uint64_t port;
};

/* type is SOCK_STREAM or SOCK_DGRAM. */
int net_option_find(const struct opt_table *table, const struct net_option *asked, int type,
                    struct net_address *address);

/* Says that address cannot be listened on, for the reason err: EXIT_USAGE. */
int net_option_not_heard(const struct opt_table *table, const struct net_option *asked,
                         const struct net_address *address, int err);

/* Raises the limit of file descriptors to what `value` of an option needs. */
int net_option_descriptors(const struct opt_table *table, const char *option, uint64_t value,
                           uint64_t want);

#endif
