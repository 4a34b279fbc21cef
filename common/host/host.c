#include "common/host/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

/* RLIM_INFINITY differs between systems but is at least INT64_MAX on each. */
static int64_t limit_value(rlim_t value)
{
    return value >= INT64_MAX ? INT64_MAX : (int64_t)value;
}

static void read_limits(struct host *host)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        host->nofile_soft = limit_value(limit.rlim_cur);
        host->nofile_hard = limit_value(limit.rlim_max);
    }
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0)
        host->memlock_bytes = limit_value(limit.rlim_cur);
}

static void read_system(struct host *host)
{
    struct utsname uts;

    if (uname(&uts) != 0)
        return;
    snprintf(host->name, sizeof(host->name), "%s", uts.nodename);
    snprintf(host->os, sizeof(host->os), "%.60s %.60s", uts.sysname, uts.release);
    snprintf(host->arch, sizeof(host->arch), "%.31s", uts.machine);
}

static void read_load(struct host *host)
{
    double load[3];

    if (getloadavg(load, 3) != 3)
        return;
    host->load_1m = load[0];
    host->load_5m = load[1];
    host->load_15m = load[2];
}

void host_read(struct host *host)
{
    *host = (struct host){
        .cpus_allowed = -1,
        .memory_bytes = -1,
        .nofile_soft = -1,
        .nofile_hard = -1,
        .memlock_bytes = -1,
        .somaxconn = -1,
        .load_1m = -1,
        .load_5m = -1,
        .load_15m = -1,
        .io_uring_disabled = -1,
        .cpus_online = (int)sysconf(_SC_NPROCESSORS_ONLN),
    };
    read_system(host);
    read_limits(host);
    read_load(host);
    host_read_platform(host);
}
