// SPDX-License-Identifier: Apache-2.0
// What the kernel grants this process: control group limits (v1 and v2, cgroups(7)), affinity, and
// the memory it holds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"

namespace nestvec {

// Where the facts are read, so that tests can lay out a machine of their own.
struct SystemView {
  std::string root;                        // put before /proc, /sys and every mount point
  std::vector<std::size_t> affinity_cpus;  // numbers of the CPUs that the process may run on
  Environment environment;
};

// This process on this machine; the affinity is that of the calling thread, now.
SystemView this_system();

// Cores by CFS quota, the least along the way from the process's group to the mount point
// (cpu.max, or cpu.cfs_quota_us / cpu.cfs_period_us); nullopt without one or where it cannot be
// read.
std::optional<double> cgroup_cpu_quota(const SystemView& system);

// Bytes by memory.max or memory.limit_in_bytes, the least along the way; nullopt without a limit.
std::optional<std::uint64_t> cgroup_memory_limit(const SystemView& system);

// Resident memory of this process.
struct ResidentMemory {
  std::uint64_t current_bytes = 0;
  std::uint64_t peak_bytes = 0;
};

// From /proc/self/status; zeros where it cannot be read.
ResidentMemory resident_memory(const SystemView& system);

}  // namespace nestvec
