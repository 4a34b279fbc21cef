/*
 * host: the environment that a number was taken in.
 *
 * A figure without its machine means nothing. host_read() takes what does not change during a run
 * and the load before it; host_pressure() is read twice, before and after, and the difference says
 * what the machine lost to others meanwhile. Text that could not be found out is the empty string,
 * numbers are -1: unknown is said, never guessed. host_linux.c and host_darwin.c fill it.
 */
#ifndef IOBENCH_HOST_H
#define IOBENCH_HOST_H

#include <stdint.h>

struct host {
    char name[128];         /* host name */
    char os[128];           /* "Linux 6.18.44" */
    char distribution[128]; /* "Debian GNU/Linux 12 (bookworm)" */
    char arch[32];          /* "x86_64" */
    char cpu_model[128];
    char governor[64];       /* CPU 0's frequency governor */
    char virtualisation[64]; /* "none", or the hypervisor: "kvm", "vmware", "container", ... */
    char mitigations[1024];  /* "spectre_v2: ...; meltdown: ..." for those that apply */
    char clock_source[64];
    char transparent_hugepages[64];
    int cpus_online, cpus_allowed; /* of the machine; of this process (affinity and cgroup) */
    int64_t memory_bytes;
    int64_t nofile_soft, nofile_hard, memlock_bytes; /* limits; INT64_MAX is unlimited */
    int64_t somaxconn;
    double load_1m, load_5m, load_15m;
    int io_uring_disabled; /* kernel.io_uring_disabled: 0, 1, 2; -1 unknown */
};

/* Machine-wide CPU time so far, in seconds summed over CPUs; -1 when unknown. */
struct host_pressure {
    double busy_s, idle_s, steal_s;
};

void host_read(struct host *host);

/*
 * For host_read() alone, which has set everything to "unknown" and filled in what POSIX tells: the
 * platform adds what it can find out and leaves the rest alone.
 */
void host_read_platform(struct host *host);

void host_read_pressure(struct host_pressure *pressure);

/*
 * The same of single CPUs: pressures[i] is that of CPU number cpus[i], or of the whole machine
 * where cpus[i] is -1.
 */
void host_read_pressures(const int *cpus, struct host_pressure *pressures, unsigned count);

#endif
