// Preloaded into the program, lets it fail at one of its steps: a step is whatever changes a file of FAULT_FOLDER, or
// moves bytes through a socket. FAULT says how, and FAULT_AT at which step, counted from 1:
//   kill   the process ends before it (SIGKILL)
//   eio    the disk fails once; only what changes a file counts
//   full   the disk is full from then on; only what makes a file, or lets it grow, counts
// What changes a file by a bare system call is not seen: a rename of the head is none of the steps. Whether the process ends before
// or behind it is played by the steps around it.
// FAULT_MET is a file that is made when the fault was met: without it, the program had fewer steps.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long steps;

enum kind { GROWS, CHANGES, SOCKET };

static int is(const char *fault) {
    const char *wanted = getenv("FAULT");
    return wanted && strcmp(wanted, fault) == 0;
}

static void met(void) {
    const char *path = getenv("FAULT_MET");
    if (path) {
        int fd = syscall(SYS_openat, AT_FDCWD, path, O_CREAT | O_WRONLY, 0600);
        if (fd >= 0) syscall(SYS_close, fd);
    }
}

// Whether the step fails, and then errno says why; the process may end here.
static int fails(enum kind kind) {
    const char *at = getenv("FAULT_AT");
    if (!at) return 0;
    int disk_only = is("eio") || is("full");
    if (disk_only && (kind == SOCKET || (is("full") && kind != GROWS))) return 0;
    long step = atomic_fetch_add(&steps, 1) + 1, wanted = atol(at);
    if (step < wanted || (step > wanted && !is("full"))) return 0;
    met();
    if (is("kill")) kill(getpid(), SIGKILL);
    if (is("eio")) { errno = EIO; return 1; }
    if (is("full")) { errno = ENOSPC; return 1; }
    return 0;
}

static int in_folder(const char *path) {
    const char *folder = getenv("FAULT_FOLDER");
    return folder && (path[0] != '/' || strncmp(path, folder, strlen(folder)) == 0);
}

// What a descriptor is of; -1 of something else.
static int kind_of(int fd, enum kind kind) {
    char name[64], path[4096];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(name, path, sizeof path - 1);
    if (length <= 0) return -1;
    path[length] = 0;
    if (strncmp(path, "socket:", 7) == 0) {
        struct sockaddr address;
        socklen_t size = sizeof address;
        int known = getsockname(fd, &address, &size);
        return known == 0 && address.sa_family == AF_INET ? SOCKET : -1;
    }
    return path[0] == '/' && in_folder(path) ? (int)kind : -1;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define STEP(what, call)                                    \
    do {                                                    \
        int of = (what);                                    \
        return of >= 0 && fails((enum kind)of) ? -1 : (call); \
    } while (0)

ssize_t write(int fd, const void *from, size_t size) { STEP(kind_of(fd, GROWS), REAL(write)(fd, from, size)); }
ssize_t pwrite(int fd, const void *from, size_t size, off_t at) { STEP(kind_of(fd, GROWS), REAL(pwrite)(fd, from, size, at)); }
ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at) { STEP(kind_of(fd, GROWS), REAL(pwrite64)(fd, from, size, at)); }
ssize_t writev(int fd, const struct iovec *from, int count) { STEP(kind_of(fd, GROWS), REAL(writev)(fd, from, count)); }
int fsync(int fd) { STEP(kind_of(fd, CHANGES), REAL(fsync)(fd)); }
int fdatasync(int fd) { STEP(kind_of(fd, CHANGES), REAL(fdatasync)(fd)); }
int ftruncate(int fd, off_t size) { STEP(kind_of(fd, CHANGES), REAL(ftruncate)(fd, size)); }
int ftruncate64(int fd, off64_t size) { STEP(kind_of(fd, CHANGES), REAL(ftruncate64)(fd, size)); }
int unlink(const char *path) { STEP(in_folder(path) ? CHANGES : -1, REAL(unlink)(path)); }
int rename(const char *from, const char *to) { STEP(in_folder(to) ? CHANGES : -1, REAL(rename)(from, to)); }
int mkdir(const char *path, mode_t mode) { STEP(in_folder(path) ? GROWS : -1, REAL(mkdir)(path, mode)); }
ssize_t send(int fd, const void *from, size_t size, int flags) { STEP(kind_of(fd, SOCKET), REAL(send)(fd, from, size, flags)); }
ssize_t recv(int fd, void *to, size_t size, int flags) { STEP(kind_of(fd, SOCKET), REAL(recv)(fd, to, size, flags)); }
int connect(int fd, const struct sockaddr *to, socklen_t size) { STEP(to->sa_family == AF_INET ? SOCKET : -1, REAL(connect)(fd, to, size)); }

// A file that is made.
#define OPENS(name)                                                            \
    int name(const char *path, int flags, ...) {                               \
        mode_t mode = 0;                                                       \
        if (flags & O_CREAT) {                                                 \
            va_list rest;                                                      \
            va_start(rest, flags);                                             \
            mode = va_arg(rest, mode_t);                                       \
            va_end(rest);                                                      \
        }                                                                      \
        int is_made = (flags & O_CREAT) && in_folder(path) && access(path, F_OK) != 0; \
        STEP(is_made ? GROWS : -1, REAL(name)(path, flags, mode));             \
    }
OPENS(open)
OPENS(open64)
