// Preloaded into a server (redis_disk.rs): its disk takes its time to sync, a file says how much of the append-only file that has done, and while
// another file is there, it is full.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int appends(int file) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return strstr(path, ".incr.aof") != NULL;
}

static void note(long long synced) {
  int file = open(getenv("PENSTOCK_TEST_SYNCED"), O_WRONLY);
  if (file < 0 || pwrite(file, &synced, sizeof synced, 0) != sizeof synced) abort();
  close(file);
}

int fdatasync(int file) {
  struct stat before;
  if (!appends(file) || fstat(file, &before)) return syscall(SYS_fdatasync, file);
  usleep(1000 * atoi(getenv("PENSTOCK_TEST_SYNC_TAKES")));
  int result = syscall(SYS_fdatasync, file);
  if (result == 0) note(before.st_size);
  return result;
}

ssize_t write(int file, const void *bytes, size_t count) {
  if (access(getenv("PENSTOCK_TEST_FULL"), F_OK) || !appends(file)) return syscall(SYS_write, file, bytes, count);
  errno = ENOSPC;
  return -1;
}
