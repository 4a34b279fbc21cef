/* Reads hosts that are made up: a root directory of its own with only the files of the test. */
#include "common/host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { CANNOT_CHROOT = 77 };

struct made_up_file {
    const char *path, *text;
};

/* What was read in the made-up root, by a process of its own. */
struct reading {
    struct host host;
    struct host_pressure pressure;
};

static int make_parents(char *path)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(path, 0755) != 0 && errno != EEXIST)
            return -1;
        *slash = '/';
    }
    return 0;
}

static void make_file(const char *root, const struct made_up_file *file)
{
    char path[PATH_MAX];
    FILE *out;

    snprintf(path, sizeof(path), "%s%s", root, file->path);
    assert_int_equal(make_parents(path), 0);
    out = fopen(path, "w");
    assert_non_null(out);
    fputs(file->text, out);
    assert_int_equal(fclose(out), 0);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

/* With privileges, or those of a user namespace. */
static int enter_root(const char *root)
{
    if (chroot(root) != 0 && (unshare(CLONE_NEWUSER) != 0 || chroot(root) != 0))
        return -1;
    return chdir("/");
}

static int read_there(const char *root, struct reading *reading)
{
    if (enter_root(root) != 0)
        return CANNOT_CHROOT;
    memset(reading, 'x', sizeof(*reading));
    host_read(&reading->host);
    host_read_pressure(&reading->pressure);
    return 0;
}

static struct reading read_made_up(const struct made_up_file *files, size_t count)
{
    char root[] = "/tmp/test_host.XXXXXX";
    struct reading reading, *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
                                           MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = 0;
    pid_t child;

    assert_true(shared != MAP_FAILED);
    assert_non_null(mkdtemp(root));
    for (size_t i = 0; i < count; i++)
        make_file(root, &files[i]);
    child = fork();
    if (child == 0)
        _exit(read_there(root, shared));
    if (child > 0)
        waitpid(child, &status, 0);
    nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    reading = *shared;
    munmap(shared, sizeof(*shared));
    assert_true(child > 0 && WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT_CHROOT)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
    return reading;
}

#define READ_MADE_UP(files) read_made_up(files, sizeof(files) / sizeof((files)[0]))

static int affinity_cpus(void)
{
    cpu_set_t set;

    assert_int_equal(sched_getaffinity(0, sizeof(set), &set), 0);
    return CPU_COUNT(&set);
}

static void missing_files_leave_things_unknown(void **state)
{
    struct reading reading = read_made_up(NULL, 0);
    struct host *host = &reading.host;

    (void)state;
    assert_string_equal(host->distribution, "");
    assert_string_equal(host->cpu_model, "");
    assert_string_equal(host->governor, "");
    assert_string_equal(host->virtualisation, "");
    assert_string_equal(host->mitigations, "");
    assert_string_equal(host->clock_source, "");
    assert_string_equal(host->transparent_hugepages, "");
    assert_int_equal(host->memory_bytes, -1);
    assert_int_equal(host->somaxconn, -1);
    assert_int_equal(host->io_uring_disabled, -1);
    assert_true(reading.pressure.busy_s == -1);
    assert_true(reading.pressure.idle_s == -1);
    assert_true(reading.pressure.steal_s == -1);
    assert_true(host->os[0]); /* system calls answer without files */
    assert_int_equal(host->cpus_allowed, affinity_cpus());
}

static void files_are_understood(void **state)
{
    static const struct made_up_file files[] = {
        {"/usr/lib/os-release", "NAME=Made\nPRETTY_NAME=\"Made Up 1.0 (it's)\"\nID=made\n"},
        {"/proc/cpuinfo", "processor\t: 0\nmodel name\t: Fast CPU @ 9 GHz\nflags\t\t: fpu sse\n"},
        {"/proc/meminfo", "MemTotal:       16384000 kB\nMemFree:  1 kB\n"},
        {"/proc/stat", "cpu  100 20 300 4000 50 6 7 800 90 10\ncpu0 1 2\n"},
        {"/proc/sys/net/core/somaxconn", "4096\n"},
        {"/proc/sys/kernel/io_uring_disabled", "2\n"},
        {"/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "powersave\n"},
        {"/sys/devices/system/cpu/vulnerabilities/spectre_v1", "Mitigation: barriers\n"},
        {"/sys/devices/system/cpu/vulnerabilities/meltdown", "Not affected\n"},
        {"/sys/devices/system/cpu/vulnerabilities/mds", "Vulnerable\n"},
        {"/sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet\n"},
        {"/sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"},
    };
    struct reading reading = READ_MADE_UP(files);
    struct host *host = &reading.host;
    double ticks_per_s = (double)sysconf(_SC_CLK_TCK);

    (void)state;
    assert_string_equal(host->distribution, "Made Up 1.0 (it's)");
    assert_string_equal(host->cpu_model, "Fast CPU @ 9 GHz");
    assert_string_equal(host->governor, "powersave");
    assert_string_equal(host->virtualisation, "none");
    assert_string_equal(host->mitigations, "mds: Vulnerable; spectre_v1: Mitigation: barriers");
    assert_string_equal(host->clock_source, "hpet");
    assert_string_equal(host->transparent_hugepages, "madvise");
    assert_int_equal(host->memory_bytes, 16777216000);
    assert_int_equal(host->somaxconn, 4096);
    assert_int_equal(host->io_uring_disabled, 2);
    assert_true(reading.pressure.busy_s == 433 / ticks_per_s);
    assert_true(reading.pressure.idle_s == 4050 / ticks_per_s);
    assert_true(reading.pressure.steal_s == 800 / ticks_per_s);
}

static void nonsense_is_unknown(void **state)
{
    static char long_line[20000];
    const struct made_up_file files[] = {
        {"/etc/os-release", "PRETTY_NAME=\"\n"},
        {"/proc/cpuinfo", long_line},
        {"/proc/stat", "cpu 1 2 3\n"},
        {"/proc/self/cgroup", "0::relative\n"},
        {"/proc/sys/net/core/somaxconn", "many\n"},
        {"/proc/sys/kernel/io_uring_disabled", ""},
        {"/sys/devices/system/cpu/vulnerabilities/long", long_line},
        {"/sys/devices/system/cpu/vulnerabilities/longer", long_line},
        {"/sys/devices/system/cpu/vulnerabilities/longest", long_line},
        {"/sys/kernel/mm/transparent_hugepage/enabled", "always\n"},
    };
    struct reading reading;

    (void)state;
    memset(long_line, 'a', sizeof(long_line) - 1);
    memcpy(long_line, "model name :", 12);
    reading = READ_MADE_UP(files);
    assert_string_equal(reading.host.distribution, "\"");
    assert_int_equal(strlen(reading.host.cpu_model), sizeof(reading.host.cpu_model) - 1);
    assert_int_equal(strlen(reading.host.mitigations), sizeof(reading.host.mitigations) - 1);
    assert_int_equal(reading.host.somaxconn, -1);
    assert_int_equal(reading.host.io_uring_disabled, -1);
    assert_string_equal(reading.host.transparent_hugepages, "");
    assert_int_equal(reading.host.cpus_allowed, affinity_cpus());
    assert_true(reading.pressure.busy_s == -1);
}

static void a_guest_is_named(void **state)
{
    static const char guest[] = "flags : fpu hypervisor sse\n";
    static const struct made_up_file kvm[] = {
        {"/proc/cpuinfo", guest},
        {"/sys/devices/system/clocksource/clocksource0/available_clocksource", "kvm-clock tsc\n"},
    };
    static const struct made_up_file hyperv[] = {
        {"/proc/cpuinfo", guest},
        {"/sys/class/dmi/id/sys_vendor", "Microsoft Corporation\n"},
        {"/sys/class/dmi/id/product_name", "Virtual Machine\n"},
        {"/run/.containerenv", ""},
    };
    static const struct made_up_file nameless[] = {{"/proc/cpuinfo", guest}};
    /* its maker sells virtual machines as well, but this is none */
    static const struct made_up_file metal[] = {
        {"/proc/cpuinfo", "flags : fpu sse\n"},
        {"/sys/class/dmi/id/sys_vendor", "Amazon EC2\n"},
    };

    (void)state;
    assert_string_equal(READ_MADE_UP(kvm).host.virtualisation, "kvm");
    assert_string_equal(READ_MADE_UP(hyperv).host.virtualisation, "hyperv, container");
    assert_string_equal(READ_MADE_UP(nameless).host.virtualisation, "unknown hypervisor");
    assert_string_equal(READ_MADE_UP(metal).host.virtualisation, "none");
}

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

/* The tightest quota on the way up counts, rounded up to whole CPUs. */
static void a_cgroup_quota_limits_the_cpus_allowed(void **state)
{
    static const struct made_up_file half[] = {
        {"/proc/self/cgroup", "1:cpu:/other\n0::/a/b\n"},
        {"/sys/fs/cgroup/a/cpu.max", "50000 100000\n"},
        {"/sys/fs/cgroup/a/b/cpu.max", "max 100000\n"},
    };
    static const struct made_up_file one_and_a_half[] = {
        {"/proc/self/cgroup", "0::/\n"},
        {"/sys/fs/cgroup/cpu.max", "150000 100000\n"},
    };
    static const struct made_up_file none[] = {
        {"/proc/self/cgroup", "0::/a\n"},
        {"/sys/fs/cgroup/a/cpu.max", "max 100000\n"},
        {"/sys/fs/cgroup/cpu.max", "0 0\n"},
    };

    (void)state;
    assert_int_equal(READ_MADE_UP(half).host.cpus_allowed, 1);
    assert_int_equal(READ_MADE_UP(one_and_a_half).host.cpus_allowed, smaller(2, affinity_cpus()));
    assert_int_equal(READ_MADE_UP(none).host.cpus_allowed, affinity_cpus());
}

static void affinity_limits_the_cpus_allowed(void **state)
{
    struct host host;
    cpu_set_t before, one;
    int cpu = sched_getcpu();

    (void)state;
    assert_true(cpu >= 0);
    assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
    CPU_ZERO(&one);
    CPU_SET((size_t)cpu, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    host_read(&host);
    assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
    assert_int_equal(host.cpus_allowed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_files_leave_things_unknown),
        cmocka_unit_test(files_are_understood),
        cmocka_unit_test(nonsense_is_unknown),
        cmocka_unit_test(a_guest_is_named),
        cmocka_unit_test(a_cgroup_quota_limits_the_cpus_allowed),
        cmocka_unit_test(affinity_limits_the_cpus_allowed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
