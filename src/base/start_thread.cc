// SPDX-License-Identifier: Apache-2.0
#include "base/start_thread.h"

#include <sys/resource.h>

#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include "nestvec/error.h"

namespace nestvec {
namespace {

// "; the process has 12 threads", or nothing where the system does not say.
std::string threads_of_the_process() {
  constexpr std::string_view kKey = "Threads:";
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with(kKey)) continue;
    const std::size_t digits = line.find_first_of("0123456789");
    if (digits == std::string::npos) break;
    return "; the process has " + line.substr(digits) + " threads";
  }
  return "";
}

std::string limit_of_the_user() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NPROC, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return "unlimited";
  return std::to_string(limit.rlim_cur);
}

}  // namespace

std::thread start_thread(std::string_view what, std::function<void()> body) {
  try {
    return std::thread(std::move(body));
  } catch (const std::system_error& error) {
    throw Error(ErrorCode::kResourceExhausted,
                "cannot start " + std::string(what) + ": " + error.code().message() +
                    threads_of_the_process() + "; raise the user's limit (ulimit -u, now " +
                    limit_of_the_user() + ") or the container's limit of processes (pids.max)");
  }
}

}  // namespace nestvec
