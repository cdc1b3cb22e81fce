/* Makes one operation on files below a folder fail: a full disk, a bad sector, half a write, or death.
 *
 * Preloaded (LD_PRELOAD), so that what Rust and C++ libraries write is reached as well as what Python writes. Nothing
 * happens until faults_arm is called. The operations are counted from 1, in the order in which they come. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum how { NOTHING, NO_SPACE, IO_ERROR, SHORT, DEATH };

static atomic_long count;
static long fails_at;
static int how, trace = -1, armed, allocations;
static char below[4096];

void faults_arm(long at, int what, const char *folder, int trace_to, int of_memory) {
    atomic_store(&count, 0);
    fails_at = at, how = what, trace = trace_to, allocations = of_memory;
    snprintf(below, sizeof below, "%s/", folder);
    armed = 1;
}

long faults_disarm(void) {
    armed = 0;
    return atomic_load(&count);
}

/* Counts an operation; tells whether it is the one that fails. */
static int hit(const char *kind, const char *path) {
    long now = atomic_fetch_add(&count, 1) + 1;
    if (trace >= 0) {
        char line[4300];
        int size = snprintf(line, sizeof line, "%ld %s %s\n", now, kind, path);
        syscall(SYS_write, trace, line, size);
    }
    if (now != fails_at) return 0;
    if (how == DEATH) kill(getpid(), SIGKILL);
    return 1;
}

static int refuse(void) {
    errno = how == IO_ERROR ? EIO : ENOSPC;
    return -1;
}

static int watched(int file, char *path) {
    if (!armed || allocations) return 0;
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", file);
    ssize_t size = readlink(name, path, 4095);
    if (size < 0) return 0;
    path[size] = 0;
    return strncmp(path, below, strlen(below)) == 0 || strncmp(path, below, strlen(below) - 1) == 0;
}

static int watched_name(int folder, const char *name, char *path) {
    if (!armed || allocations) return 0;
    char base[4096] = "";
    if (name[0] != '/') {
        if (folder == AT_FDCWD) {
            if (!getcwd(base, sizeof base)) return 0;
        } else {
            char link[64];
            snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
            ssize_t size = readlink(link, base, sizeof base - 1);
            base[size < 0 ? 0 : size] = 0;
        }
        strncat(base, "/", sizeof base - strlen(base) - 1);
    }
    snprintf(path, 4096, "%.2000s%.2000s", base, name);
    return strncmp(path, below, strlen(below)) == 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void *data, size_t size) {
    char path[4096];
    if (watched(file, path) && hit("write", path)) {
        if (how != SHORT) return refuse();
        size = size / 2 ? size / 2 : size;
    }
    return REAL(write)(file, data, size);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t at) {
    char path[4096];
    if (watched(file, path) && hit("write", path)) {
        if (how != SHORT) return refuse();
        size = size / 2 ? size / 2 : size;
    }
    return REAL(pwrite)(file, data, size, at);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t at) {
    char path[4096];
    if (watched(file, path) && hit("write", path)) {
        if (how != SHORT) return refuse();
        size = size / 2 ? size / 2 : size;
    }
    return REAL(pwrite64)(file, data, size, at);
}

ssize_t writev(int file, const struct iovec *parts, int number) {
    char path[4096];
    if (watched(file, path) && hit("write", path)) {
        if (how != SHORT) return refuse();
        number = 1;
    }
    return REAL(writev)(file, parts, number);
}

int rename(const char *from, const char *to) {
    char path[4096];
    if (watched_name(AT_FDCWD, to, path) && hit("rename", path)) return refuse();
    return REAL(rename)(from, to);
}

int renameat(int a, const char *from, int b, const char *to) {
    char path[4096];
    if (watched_name(b, to, path) && hit("rename", path)) return refuse();
    return REAL(renameat)(a, from, b, to);
}

int renameat2(int a, const char *from, int b, const char *to, unsigned flags) {
    char path[4096];
    if (watched_name(b, to, path) && hit("rename", path)) return refuse();
    return REAL(renameat2)(a, from, b, to, flags);
}

int link(const char *from, const char *to) {
    char path[4096];
    if (watched_name(AT_FDCWD, to, path) && hit("link", path)) return refuse();
    return REAL(link)(from, to);
}

int linkat(int a, const char *from, int b, const char *to, int flags) {
    char path[4096];
    if (watched_name(b, to, path) && hit("link", path)) return refuse();
    return REAL(linkat)(a, from, b, to, flags);
}

int fsync(int file) {
    char path[4096];
    if (watched(file, path) && hit("sync", path)) return refuse();
    return REAL(fsync)(file);
}

int fdatasync(int file) {
    char path[4096];
    if (watched(file, path) && hit("sync", path)) return refuse();
    return REAL(fdatasync)(file);
}

extern void *__libc_malloc(size_t);

void *malloc(size_t size) {
    if (armed && allocations && size >= 1 << 20 && hit("malloc", "memory")) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_malloc(size);
}
