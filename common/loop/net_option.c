#include "common/loop/net_option.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int net_option_find(const struct opt_table *table, const struct net_option *asked, int type,
                    struct net_address *address)
{
    char why[160], text[224];

    if (asked->unix_path)
        return net_unix_address(asked->unix_path, address, why, sizeof why)
                   ? opt_complain(table, EXIT_USAGE, "unix", asked->unix_path, why)
                   : 0;
    if (net_resolve(asked->host, (uint16_t)asked->port, type, address, why, sizeof why) == 0)
        return 0;
    snprintf(text, sizeof text, "is not an address or a known name: %s", why);
    return opt_complain(table, EXIT_USAGE, "host", asked->host ? asked->host : "*", text);
}

int net_option_not_heard(const struct opt_table *table, const struct net_option *asked,
                         const struct net_address *address, int err)
{
    char text[NET_TEXT_CAP], port[24], why[NET_TEXT_CAP + 64];

    snprintf(why, sizeof why, "cannot be listened on (%s): %s",
             net_text(text, sizeof text, address), strerror(-err));
    if (asked->unix_path)
        return opt_complain(table, EXIT_USAGE, "unix", asked->unix_path, why);
    if (err == -EADDRNOTAVAIL && asked->host)
        return opt_complain(table, EXIT_USAGE, "host", asked->host, why);
    snprintf(port, sizeof port, "%" PRIu64, asked->port);
    return opt_complain(table, EXIT_USAGE, "port", port, why);
}

int net_option_descriptors(const struct opt_table *table, const char *option, uint64_t value,
                           uint64_t want)
{
    uint64_t have = net_raise_descriptor_limit(want);

    if (have >= want)
        return 0;
    return opt_refuse(table,
                      "--%s: '%" PRIu64 "' needs %" PRIu64 " file descriptors, and the limit here "
                      "is %" PRIu64 " (see ulimit -Hn)",
                      option, value, want, have);
}
