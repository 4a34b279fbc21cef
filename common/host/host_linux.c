#include "common/host/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYS_CPU         "/sys/devices/system/cpu/"
#define SYS_CLOCKSOURCE "/sys/devices/system/clocksource/clocksource0/"

enum { MAX_CPUS = 1 << 20 }; /* where the search for the mask's size ends */

/*
 * A small file's text without white space at its end. False, and the empty string, when it cannot
 * be read. Opened without blocking: whatever lies at the path, this does not wait for it.
 */
static bool read_text(const char *path, char *text, size_t cap)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = 0;
    size_t len = 0;

    text[0] = '\0';
    if (fd < 0)
        return false;
    while (len < cap - 1 && (n = read(fd, text + len, cap - 1 - len)) > 0)
        len += (size_t)n;
    close(fd);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        len--;
    text[len] = '\0';
    return n >= 0;
}

static int64_t read_integer(const char *path)
{
    char text[32], *end;
    long long value;

    if (!read_text(path, text, sizeof(text)))
        return -1;
    errno = 0;
    value = strtoll(text, &end, 10);
    return end == text || *end || errno ? -1 : value;
}

/*
 * The value of the first line "KEY <separator> VALUE" in a file of such lines. False, and the
 * value untouched, when there is none.
 */
static bool read_value(const char *path, const char *key, char separator, char *value, size_t cap)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t line_cap = 0, key_len = strlen(key);
    bool found = false;

    if (!file)
        return false;
    while (!found && getline(&line, &line_cap, file) > 0) {
        char *at = line + key_len;

        if (strncmp(line, key, key_len) != 0)
            continue;
        at += strspn(at, " \t");
        if (*at != separator)
            continue;
        at += 1 + strspn(at + 1, " \t");
        at[strcspn(at, "\n")] = '\0';
        snprintf(value, cap, "%s", at);
        found = true;
    }
    free(line);
    fclose(file);
    return found;
}

static void read_distribution(char *name, size_t cap)
{
    size_t len;

    if (!read_value("/etc/os-release", "PRETTY_NAME", '=', name, cap) &&
        !read_value("/usr/lib/os-release", "PRETTY_NAME", '=', name, cap))
        return;
    len = strlen(name);
    if (len >= 2 && strchr("\"'", name[0]) && name[len - 1] == name[0]) {
        name[len - 1] = '\0';
        memmove(name, name + 1, len - 1);
    }
}

static void read_cpu_model(char *model, size_t cap)
{
    /* x86; MIPS; Power; boards with a device tree say it in a file of its own */
    static const char *const keys[] = {"model name", "cpu model", "cpu"};

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (read_value("/proc/cpuinfo", keys[i], ':', model, cap))
            return;
    read_text("/proc/device-tree/model", model, cap);
}

/* Of "always [madvise] never" the word in brackets. */
static void read_chosen(const char *path, char *chosen, size_t cap)
{
    char text[256];
    const char *open_bracket;

    if (!read_text(path, text, sizeof(text)))
        return;
    open_bracket = strchr(text, '[');
    if (open_bracket)
        snprintf(chosen, cap, "%.*s", (int)strcspn(open_bracket + 1, "]"), open_bracket + 1);
}

/* What a hypervisor leaves in its guests' DMI strings, clock sources or device tree. */
static const struct {
    const char *trace, *name;
} hypervisors[] = {
    {"VMware", "vmware"},
    {"VirtualBox", "virtualbox"},
    {"innotek", "virtualbox"},
    {"Parallels", "parallels"},
    {"BHYVE", "bhyve"},
    {"hyperv_clocksource", "hyperv"},
    {"Virtual Machine", "hyperv"},
    {"Apple Virtualization", "apple"},
    {"Xen", "xen"},
    {"xen", "xen"},
    {"kvm", "kvm"},
    {"KVM", "kvm"},
    {"Google", "kvm"},
    {"Amazon EC2", "kvm"},
    {"OpenStack", "kvm"},
    {"QEMU", "qemu"},
};

static const char *find_hypervisor(void)
{
    static const char *const paths[] = {
        "/sys/hypervisor/type",
        SYS_CLOCKSOURCE "available_clocksource",
        "/sys/class/dmi/id/sys_vendor",
        "/sys/class/dmi/id/product_name",
        "/sys/class/dmi/id/board_vendor",
        "/sys/class/dmi/id/bios_vendor",
        "/proc/device-tree/hypervisor/compatible",
    };
    char text[256];

    for (size_t p = 0; p < sizeof(paths) / sizeof(paths[0]); p++) {
        if (!read_text(paths[p], text, sizeof(text)))
            continue;
        for (size_t i = 0; i < sizeof(hypervisors) / sizeof(hypervisors[0]); i++)
            if (strstr(text, hypervisors[i].trace))
                return hypervisors[i].name;
    }
    return NULL;
}

/*
 * On x86 the CPU itself says whether a hypervisor runs it, as one of its flags, and only its name
 * has to be found: DMI alone would take a cloud's bare-metal machine for a guest. Elsewhere there
 * is no such flag, and a trace is all there is; without one nothing is known.
 */
static const char *virtual_machine(void)
{
    char flags[8192] = "";
    const char *name;

    if (read_value("/proc/cpuinfo", "flags", ':', flags, sizeof(flags)) &&
        !strstr(flags, " hypervisor"))
        return "none";
    name = find_hypervisor();
    if (name)
        return name;
    return flags[0] ? "unknown hypervisor" : "";
}

/*
 * A container has a PID namespace of its own, and the first namespace's number is fixed
 * (PROC_PID_INIT_INO in the kernel's include/linux/proc_ns.h). A file such as /.dockerenv proves
 * less: virtual machines are made from container images too.
 */
static bool in_container(void)
{
    char link[64];
    ssize_t len = readlink("/proc/self/ns/pid", link, sizeof(link) - 1);

    if (len > 0) {
        link[len] = '\0';
        if (strcmp(link, "pid:[4026531836]") != 0)
            return true;
    }
    return access("/run/.containerenv", F_OK) == 0 || access("/run/systemd/container", F_OK) == 0;
}

static void read_virtualisation(char *text, size_t cap)
{
    const char *machine = virtual_machine();

    if (!in_container())
        snprintf(text, cap, "%s", machine);
    else if (machine[0] && strcmp(machine, "none") != 0)
        snprintf(text, cap, "%s, container", machine);
    else
        snprintf(text, cap, "container");
}

/* Appends "name: state" unless it is "Not affected". */
static void add_mitigation(const char *name, char *text, size_t cap)
{
    char path[PATH_MAX], state[512];
    size_t len = strlen(text);

    snprintf(path, sizeof(path), SYS_CPU "vulnerabilities/%s", name);
    if (name[0] == '.' || !read_text(path, state, sizeof(state)))
        return;
    if (strcmp(state, "Not affected") != 0)
        snprintf(text + len, cap - len, "%s%s: %s", len ? "; " : "", name, state);
}

static void read_mitigations(char *text, size_t cap)
{
    struct dirent **entries;
    int n = scandir(SYS_CPU "vulnerabilities", &entries, NULL, alphasort);

    if (n < 0)
        return;
    for (int i = 0; i < n; i++) {
        add_mitigation(entries[i]->d_name, text, cap);
        free(entries[i]);
    }
    free(entries);
}

/* CPUs that the affinity mask allows; the mask's size is the kernel's secret, so it is guessed up.
 */
static int affinity_cpus(void)
{
    for (size_t cpus = CPU_SETSIZE; cpus <= MAX_CPUS; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        size_t size = CPU_ALLOC_SIZE(cpus);
        int allowed = -1;

        if (!set)
            return -1;
        if (sched_getaffinity(0, size, set) == 0)
            allowed = CPU_COUNT_S(size, set);
        CPU_FREE(set);
        if (allowed >= 0 || errno != EINVAL)
            return allowed;
    }
    return -1;
}

/* CPUs' worth of time that one cgroup's cpu.max ("QUOTA PERIOD" or "max PERIOD") grants. */
static int cgroup_cpus(const char *dir)
{
    char path[PATH_MAX], text[64];
    long long quota_us, period_us, cpus;

    if (snprintf(path, sizeof(path), "%s/cpu.max", dir) >= (int)sizeof(path) ||
        !read_text(path, text, sizeof(text)) ||
        sscanf(text, "%lld %lld", &quota_us, &period_us) != 2 || quota_us <= 0 || period_us <= 0)
        return INT_MAX;
    cpus = (quota_us - 1) / period_us + 1;
    return cpus < INT_MAX ? (int)cpus : INT_MAX;
}

/* The tightest cpu.max from this process's cgroup (version 2) up to the root; INT_MAX without. */
static int cgroup_cpus_up(void)
{
    static const char root[] = "/sys/fs/cgroup";
    char dir[PATH_MAX], group[PATH_MAX - sizeof(root)] = "";
    int least = INT_MAX;

    if (!read_value("/proc/self/cgroup", "0:", ':', group, sizeof(group)) || group[0] != '/')
        return INT_MAX;
    snprintf(dir, sizeof(dir), "%s%s", root, group);
    for (char *end = dir + strlen(dir); end; end = strrchr(dir + sizeof(root) - 1, '/')) {
        int cpus;

        *end = '\0';
        cpus = cgroup_cpus(dir);
        if (cpus < least)
            least = cpus;
    }
    return least;
}

static int read_cpus_allowed(void)
{
    int by_affinity = affinity_cpus(), by_quota = cgroup_cpus_up();

    return by_quota < by_affinity ? by_quota : by_affinity;
}

static int64_t read_memory_bytes(void)
{
    char text[64];

    if (!read_value("/proc/meminfo", "MemTotal", ':', text, sizeof(text)))
        return -1;
    return strtoll(text, NULL, 10) * 1024; /* "kB" there means KiB */
}

void host_read_platform(struct host *host)
{
    read_distribution(host->distribution, sizeof(host->distribution));
    read_cpu_model(host->cpu_model, sizeof(host->cpu_model));
    read_text(SYS_CPU "cpu0/cpufreq/scaling_governor", host->governor, sizeof(host->governor));
    read_virtualisation(host->virtualisation, sizeof(host->virtualisation));
    read_mitigations(host->mitigations, sizeof(host->mitigations));
    read_text(SYS_CLOCKSOURCE "current_clocksource", host->clock_source,
              sizeof(host->clock_source));
    read_chosen("/sys/kernel/mm/transparent_hugepage/enabled", host->transparent_hugepages,
                sizeof(host->transparent_hugepages));
    host->cpus_allowed = read_cpus_allowed();
    host->memory_bytes = read_memory_bytes();
    host->somaxconn = read_integer("/proc/sys/net/core/somaxconn");
    host->io_uring_disabled = (int)read_integer("/proc/sys/kernel/io_uring_disabled");
}

/* One line of /proc/stat: "cpu" is the whole machine, "cpu3" a single CPU. False: another line. */
static bool parse_pressure(const char *line, int *cpu, struct host_pressure *pressure)
{
    double user, nice, system, idle, iowait, irq, softirq, steal;
    double ticks_per_s = (double)sysconf(_SC_CLK_TCK);
    int used = 3; /* "cpu" */

    *cpu = -1;
    if (strncmp(line, "cpu", 3) != 0)
        return false;
    if (line[3] != ' ' && sscanf(line, "cpu%d%n", cpu, &used) != 1)
        return false;
    if (sscanf(line + used, "%lf %lf %lf %lf %lf %lf %lf %lf", &user, &nice, &system, &idle,
               &iowait, &irq, &softirq, &steal) != 8)
        return false;
    /* guest time, further right, is part of user and nice already: proc(5) */
    pressure->busy_s = (user + nice + system + irq + softirq) / ticks_per_s;
    pressure->idle_s = (idle + iowait) / ticks_per_s;
    pressure->steal_s = steal / ticks_per_s;
    return true;
}

void host_read_pressures(const int *cpus, struct host_pressure *pressures, unsigned count)
{
    FILE *file = fopen("/proc/stat", "re");
    struct host_pressure one;
    char line[512];
    int cpu;

    for (unsigned i = 0; i < count; i++)
        pressures[i] = (struct host_pressure){-1, -1, -1};
    while (file && fgets(line, sizeof line, file) && parse_pressure(line, &cpu, &one))
        for (unsigned i = 0; i < count; i++)
            if (cpus[i] == cpu)
                pressures[i] = one;
    if (file)
        fclose(file);
}

void host_read_pressure(struct host_pressure *pressure)
{
    host_read_pressures(&(int){-1}, pressure, 1);
}
