// Preloaded into a server (redis_clock.rs): the wall clock that it asks for is set by as many microseconds as a file says.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long long wall_clock(void) {
  static volatile long long *set_by;
  struct timespec now;
  if (!set_by) {
    int file = open(getenv("PENSTOCK_TEST_CLOCK"), O_RDONLY);
    void *page = mmap(NULL, sizeof *set_by, PROT_READ, MAP_SHARED, file, 0);
    if (file < 0 || page == MAP_FAILED) abort();
    close(file);
    set_by = page;
  }
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1000000LL + now.tv_nsec / 1000 + *set_by;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
  long long now = wall_clock();
  (void)zone;
  time->tv_sec = now / 1000000;
  time->tv_usec = now % 1000000;
  return 0;
}

time_t time(time_t *time) {
  time_t now = wall_clock() / 1000000;
  if (time) *time = now;
  return now;
}
