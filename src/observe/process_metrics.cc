// SPDX-License-Identifier: Apache-2.0
#include "observe/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <vector>

namespace nestvec {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

std::optional<ProcessStat> own_stat() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  return parse_process_stat(line, static_cast<double>(::sysconf(_SC_CLK_TCK)));
}

// Seconds since 1970 at which the system was started; "btime" of /proc/stat.
double boot_seconds() {
  std::ifstream file("/proc/stat");
  std::string word;
  double seconds = kUnknown;
  while (file >> word) {
    if (word == "btime" && file >> seconds) return seconds;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return kUnknown;
}

double open_files() {
  std::error_code failed;
  double count = 0;
  std::filesystem::directory_iterator entry("/proc/self/fd", failed);
  for (; !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed)) {
    ++count;
  }
  return failed ? kUnknown : count - 1;  // without the one that reads the folder
}

double most_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kUnknown;
  return limit.rlim_cur == RLIM_INFINITY ? std::numeric_limits<double>::infinity()
                                         : static_cast<double>(limit.rlim_cur);
}

template <typename Read>
std::function<double()> of_stat(Read read) {
  return [read] {
    const auto stat = own_stat();
    return stat ? static_cast<double>(read(*stat)) : kUnknown;
  };
}

}  // namespace

std::optional<ProcessStat> parse_process_stat(std::string_view line, double ticks) {
  // The second field is the program's name in parentheses, which may hold blanks and parentheses.
  const std::size_t name_end = line.rfind(") ");
  if (name_end == std::string_view::npos || ticks <= 0) return std::nullopt;
  line.remove_prefix(name_end + 2);
  std::vector<std::string_view> fields;  // from the third one on
  while (!line.empty()) {
    const std::size_t end = std::min(line.find(' '), line.size());
    fields.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  constexpr std::size_t kFirst = 3;
  constexpr std::size_t kLast = 24;
  if (fields.size() <= kLast - kFirst) return std::nullopt;
  bool whole = true;
  const auto number = [&](std::size_t field) {
    std::uint64_t value = 0;
    const std::string_view text = fields[field - kFirst];
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    whole = whole && error == std::errc{} && end == text.data() + text.size();
    return value;
  };
  // The numbers of the fields in proc(5).
  ProcessStat stat;
  stat.cpu_seconds = static_cast<double>(number(14) + number(15)) / ticks;
  stat.threads = number(20);
  stat.start_seconds = static_cast<double>(number(22)) / ticks;
  stat.virtual_bytes = number(23);
  stat.resident_pages = number(24);
  if (!whole) return std::nullopt;
  return stat;
}

void add_process_metrics(Metrics& metrics) {
  metrics.counter_of("process_cpu_seconds_total", "Processor time used by the process.",
                     of_stat([](const ProcessStat& stat) { return stat.cpu_seconds; }));
  metrics.gauge("process_resident_memory_bytes", "Resident memory of the process.",
                of_stat([page = ::sysconf(_SC_PAGESIZE)](const ProcessStat& stat) {
                  return static_cast<double>(stat.resident_pages) * static_cast<double>(page);
                }));
  metrics.gauge("process_virtual_memory_bytes", "Virtual memory of the process.",
                of_stat([](const ProcessStat& stat) { return stat.virtual_bytes; }));
  metrics.gauge("process_threads", "Threads of the process.",
                of_stat([](const ProcessStat& stat) { return stat.threads; }));
  metrics.gauge("process_start_time_seconds", "Start of the process, in seconds since 1970.",
                of_stat([boot = boot_seconds()](const ProcessStat& stat) {
                  return boot + stat.start_seconds;
                }));
  metrics.gauge("process_open_fds", "Open files of the process.", open_files);
  metrics.gauge("process_max_fds", "Limit of open files of the process.", most_files);
}

}  // namespace nestvec
