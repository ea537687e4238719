// SPDX-License-Identifier: Apache-2.0
// What Prometheus' own clients say of a process, under their names.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "observe/metrics.h"

namespace nestvec {

// Adds process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes,
// process_start_time_seconds, process_threads, process_open_fds and process_max_fds. They are read
// from /proc when they are asked for; what cannot be read is NaN.
void add_process_metrics(Metrics& metrics);

// What /proc/PID/stat tells.
struct ProcessStat {
  double cpu_seconds = 0;    // in user and system mode
  double start_seconds = 0;  // after the boot of the system
  std::uint64_t virtual_bytes = 0;
  std::uint64_t resident_pages = 0;
  std::uint64_t threads = 0;
};
// nullopt for what is no such line. `ticks` are the system's clock ticks of a second.
std::optional<ProcessStat> parse_process_stat(std::string_view line, double ticks);

}  // namespace nestvec
