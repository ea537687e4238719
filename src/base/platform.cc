// SPDX-License-Identifier: Apache-2.0
#include "base/platform.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#if defined(__APPLE__)
#include <crt_externs.h>

#include <thread>
#else
#include <sched.h>
#endif

namespace nestvec {

#if defined(__APPLE__)

std::int64_t modified_ns(const struct stat& status) {
  return std::int64_t{status.st_mtimespec.tv_sec} * 1'000'000'000 + status.st_mtimespec.tv_nsec;
}

char** environment_block() { return *_NSGetEnviron(); }

// There is no affinity: all of them.
std::vector<std::size_t> allowed_cpus() {
  std::vector<std::size_t> cpus(std::thread::hardware_concurrency());
  for (std::size_t i = 0; i < cpus.size(); ++i) cpus[i] = i;
  return cpus;
}

int rename_new(const std::string& from, const std::string& to) {
  return ::renamex_np(from.c_str(), to.c_str(), RENAME_EXCL) == 0 ? 0 : errno;
}

int rename_exchanging(const std::string& from, const std::string& to) {
  return ::renamex_np(from.c_str(), to.c_str(), RENAME_SWAP) == 0 ? 0 : errno;
}

#else

namespace {

int rename_with(unsigned flags, const std::string& from, const std::string& to) {
  return ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), flags) == 0 ? 0 : errno;
}

}  // namespace

std::int64_t modified_ns(const struct stat& status) {
  return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

char** environment_block() { return environ; }

std::vector<std::size_t> allowed_cpus() {
  std::vector<std::size_t> allowed;
  // The kernel refuses a mask smaller than its own, so the mask grows until it fits.
  for (std::size_t cpus = 1024; cpus <= (std::size_t{1} << 20); cpus *= 2) {
    std::vector<unsigned char> mask(cpus / 8);
    if (sched_getaffinity(0, mask.size(), reinterpret_cast<cpu_set_t*>(mask.data())) != 0) continue;
    for (std::size_t cpu = 0; cpu < cpus; ++cpu) {
      if (((mask[cpu / 8] >> (cpu % 8)) & 1) != 0) allowed.push_back(cpu);
    }
    break;
  }
  return allowed;
}

int rename_new(const std::string& from, const std::string& to) {
  return rename_with(RENAME_NOREPLACE, from, to);
}

int rename_exchanging(const std::string& from, const std::string& to) {
  return rename_with(RENAME_EXCHANGE, from, to);
}

#endif

}  // namespace nestvec
