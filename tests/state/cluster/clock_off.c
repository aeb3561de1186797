/* SPDX-License-Identifier: Apache-2.0
 *
 * Preloaded into a process, puts its wall clock off by as many nanoseconds as the file $CLOCK_OFF holds (a signed 64-bit
 * number in the machine's own order), at any moment and while it runs. The kernel has time namespaces for the monotonic
 * clocks only. Deadlines that a condition variable gets in wall time are put right again, or the process would sleep for
 * the difference. The monotonic clocks stay as they are.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const int64_t kNsPerS = 1000000000;
static const time_t kMonotonicMax = 1000000000; /* 2001: no machine has been up for so long */

static _Atomic int64_t* off_ns;
static int (*real_clock_gettime)(clockid_t, struct timespec*);
static int (*real_cond_timedwait)(pthread_cond_t*, pthread_mutex_t*, const struct timespec*);

__attribute__((constructor)) static void begin(void) {
  real_clock_gettime = (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
  /* Unversioned, one would get the one of 1998. */
  real_cond_timedwait = (int (*)(pthread_cond_t*, pthread_mutex_t*, const struct timespec*))dlvsym(
      RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
  const char* name = getenv("CLOCK_OFF");
  const int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void* map = mmap(NULL, sizeof *off_ns, PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  if (map != MAP_FAILED) off_ns = map;
}

static void add(struct timespec* to, int64_t ns) {
  const int64_t all = (int64_t)to->tv_sec * kNsPerS + to->tv_nsec + ns;
  to->tv_sec = all / kNsPerS;
  to->tv_nsec = all % kNsPerS;
}

static int64_t off(void) { return off_ns ? atomic_load_explicit(off_ns, memory_order_relaxed) : 0; }

int clock_gettime(clockid_t id, struct timespec* out) {
  const int done = real_clock_gettime ? real_clock_gettime(id, out) : (int)syscall(SYS_clock_gettime, id, out);
  if (done == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) add(out, off());
  return done;
}

int gettimeofday(struct timeval* restrict out, void* restrict zone) {
  (void)zone;
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  out->tv_sec = now.tv_sec;
  out->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* out) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME_COARSE, &now) != 0) return -1;
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}

int pthread_cond_timedwait(pthread_cond_t* restrict condition, pthread_mutex_t* restrict mutex,
                           const struct timespec* restrict until) {
  struct timespec real = *until;
  if (real.tv_sec > kMonotonicMax) add(&real, -off());
  return real_cond_timedwait(condition, mutex, &real);
}
