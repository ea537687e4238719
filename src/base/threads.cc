// SPDX-License-Identifier: Apache-2.0
// The thread count of a machine that may be shared, and the reason for it.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <optional>
#include <set>

#include "base/cpu.h"

namespace nestvec {
namespace {

// One upper bound of the thread count.
struct Bound {
  std::size_t threads = 0;
  std::string reason;
};

std::size_t whole_cores(double cores) {
  // 1.9999 comes from quotas such as 199990/100000, which are meant as 2.
  constexpr double kSlack = 1e-3;
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::floor(cores + kSlack)));
}

std::string one_decimal(double value) {
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.1f", value);
  return buffer.data();
}

std::string plural(std::size_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

// Distinct cores behind the CPUs of the affinity mask; a CPU without a topology counts as a core.
std::size_t count_physical_cores(const SystemView& system) {
  std::set<std::string> cores;
  for (const std::size_t cpu : system.affinity_cpus) {
    const std::string number = std::to_string(cpu);
    std::ifstream file(system.root + "/sys/devices/system/cpu/cpu" + number +
                       "/topology/thread_siblings_list");
    std::string siblings;
    if (!std::getline(file, siblings) || siblings.empty()) siblings = "cpu" + number;
    cores.insert(siblings);
  }
  return cores.size();
}

// The first number of OMP_NUM_THREADS ("4" or "4,2"); 0 where it is unset or not a count.
std::size_t openmp_threads(const SystemView& system) {
  const std::optional<std::string> text = system.environment("OMP_NUM_THREADS");
  if (!text) return 0;
  std::size_t count = 0;
  const char* const end = text->data() + text->size();
  const auto [stop, code] = std::from_chars(text->data(), end, count);
  return code == std::errc() && (stop == end || *stop == ',') ? count : 0;
}

// What is wanted when nothing forbids it.
Bound wanted_threads(std::size_t requested, const SystemView& system) {
  if (requested > 0) return {requested, "as configured"};
  if (const std::size_t count = openmp_threads(system)) return {count, "OMP_NUM_THREADS"};
  const std::size_t cpus = std::max<std::size_t>(1, system.affinity_cpus.size());
  const std::size_t cores = std::max<std::size_t>(1, count_physical_cores(system));
  if (cores == cpus) return {cores, "all " + plural(cores, "core")};
  return {cores, plural(cores, "physical core") + " behind " + plural(cpus, "hardware thread")};
}

}  // namespace

ThreadPlan decide_threads(double cpu_limit, std::size_t requested, const SystemView& system) {
  const Bound wanted = wanted_threads(requested, system);
  const std::size_t cpus = std::max<std::size_t>(1, system.affinity_cpus.size());
  const std::string of_cores = " of " + plural(cpus, "core");
  Bound least = wanted;
  const auto lower = [&least](std::size_t threads, const std::string& reason) {
    if (threads < least.threads) least = {threads, reason};
  };
  lower(cpus, "affinity to " + plural(cpus, "core"));
  if (const std::optional<double> quota = cgroup_cpu_quota(system)) {
    lower(whole_cores(*quota), "cgroup quota " + one_decimal(*quota) + of_cores);
  }
  if (cpu_limit > 0) {
    lower(whole_cores(cpu_limit), "cpu_limit " + one_decimal(cpu_limit) + of_cores);
  }
  std::string reason = std::to_string(least.threads) + ": " + least.reason;
  const bool asked = requested > 0 || openmp_threads(system) > 0;
  if (asked && least.threads < wanted.threads) {
    reason += ", below the " + std::to_string(wanted.threads) + " of " +
              (requested > 0 ? "the configuration" : "OMP_NUM_THREADS");
  }
  return {least.threads, reason};
}

ThreadPlan decide_threads(double cpu_limit, std::size_t requested) {
  return decide_threads(cpu_limit, requested, this_system());
}

}  // namespace nestvec
