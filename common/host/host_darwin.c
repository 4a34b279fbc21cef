#include "common/host/host.h"

#include <mach/mach.h>
#include <mach/mach_host.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysctl.h>
#include <sys/types.h>
#include <unistd.h>

/* The empty string when there is no such name. */
static void read_text(const char *name, char *text, size_t cap)
{
    size_t len = cap - 1;

    text[0] = '\0';
    if (sysctlbyname(name, text, &len, NULL, 0) != 0)
        len = 0;
    text[len] = '\0';
}

/* -1 when there is no such name; sysctl has integers of both widths. */
static int64_t read_integer(const char *name)
{
    union {
        int32_t narrow;
        int64_t wide;
    } value;
    size_t len = sizeof(value);

    if (sysctlbyname(name, &value, &len, NULL, 0) != 0)
        return -1;
    return len == sizeof(value.wide) ? value.wide : value.narrow;
}

static void read_distribution(char *name, size_t cap)
{
    char version[64];

    read_text("kern.osproductversion", version, sizeof(version));
    if (version[0])
        snprintf(name, cap, "macOS %s", version);
}

static void read_virtualisation(char *text, size_t cap)
{
    int64_t in_vm = read_integer("kern.hv_vmm_present");

    if (in_vm >= 0)
        snprintf(text, cap, "%s", in_vm ? "unknown hypervisor" : "none");
}

void host_read_platform(struct host *host)
{
    read_distribution(host->distribution, sizeof(host->distribution));
    read_text("machdep.cpu.brand_string", host->cpu_model, sizeof(host->cpu_model));
    read_virtualisation(host->virtualisation, sizeof(host->virtualisation));
    host->cpus_allowed = host->cpus_online; /* macOS has no affinity masks and no CPU quotas */
    host->memory_bytes = read_integer("hw.memsize");
    host->somaxconn = read_integer("kern.ipc.somaxconn");
}

void host_read_pressure(struct host_pressure *pressure)
{
    host_cpu_load_info_data_t ticks = {{0}};
    mach_msg_type_number_t count = HOST_CPU_LOAD_INFO_COUNT;
    mach_port_t self = mach_host_self();
    double ticks_per_s = (double)sysconf(_SC_CLK_TCK);
    kern_return_t result = host_statistics(self, HOST_CPU_LOAD_INFO, (host_info_t)&ticks, &count);

    mach_port_deallocate(mach_task_self(), self);
    *pressure = (struct host_pressure){-1, -1, -1}; /* macOS does not count stolen time */
    if (result != KERN_SUCCESS)
        return;
    pressure->busy_s =
        ((double)ticks.cpu_ticks[CPU_STATE_USER] + (double)ticks.cpu_ticks[CPU_STATE_SYSTEM] +
         (double)ticks.cpu_ticks[CPU_STATE_NICE]) /
        ticks_per_s;
    pressure->idle_s = (double)ticks.cpu_ticks[CPU_STATE_IDLE] / ticks_per_s;
}

/* Only the whole machine's is known. */
void host_read_pressures(const int *cpus, struct host_pressure *pressures, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (cpus[i] < 0)
            host_read_pressure(&pressures[i]);
        else
            pressures[i] = (struct host_pressure){-1, -1, -1};
}
