// SPDX-License-Identifier: Apache-2.0
#include "base/cgroup.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>

#include "base/platform.h"

namespace nestvec {
namespace {

// cgroup v1 states "no limit" as the largest multiple of a page.
constexpr std::uint64_t kNoLimitV1 = std::uint64_t{1} << 62;

// Kernel files have no size to map; the whole of a small one. nullopt where it cannot be read.
std::optional<std::string> slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::ostringstream text;
  text << file.rdbuf();
  if (file.bad()) return std::nullopt;
  return std::move(text).str();
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

bool contains(const std::string& list, std::string_view item) {
  const std::vector<std::string> items = split(list, ',');
  return std::find(items.begin(), items.end(), item) != items.end();
}

template <typename Number>
std::optional<Number> to_number(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  Number value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Spaces in mountinfo's paths are written as \040 (proc(5)).
std::string unescape_octal(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    const bool escape = text[i] == '\\' && i + 3 < text.size() &&
                        std::from_chars(text.data() + i + 1, text.data() + i + 4, code, 8).ptr ==
                            text.data() + i + 4;
    out.push_back(escape ? static_cast<char>(code) : text[i]);
    if (escape) i += 3;
  }
  return out;
}

// Where a hierarchy is mounted and which of its groups the mount point shows.
struct Mount {
  std::string root;
  std::string point;
};

// `controller` is "cpu" or "memory" for v1, empty for v2.
std::optional<Mount> find_mount(const SystemView& system, std::string_view controller) {
  const std::optional<std::string> text = slurp(system.root + "/proc/self/mountinfo");
  if (!text) return std::nullopt;
  for (const std::string& line : split(*text, '\n')) {
    // "31 23 0:28 ROOT POINT OPTIONS [FIELDS]* - TYPE SOURCE SUPER_OPTIONS"
    const std::vector<std::string> fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (fields.size() < 6 || std::distance(dash, fields.end()) < 4) continue;
    const bool matches = controller.empty() ? dash[1] == "cgroup2"
                                            : dash[1] == "cgroup" && contains(dash[3], controller);
    if (matches) return Mount{unescape_octal(fields[3]), unescape_octal(fields[4])};
  }
  return std::nullopt;
}

// The process's group in a hierarchy, as /proc/self/cgroup names it.
std::optional<std::string> find_group(const SystemView& system, std::string_view controller) {
  const std::optional<std::string> text = slurp(system.root + "/proc/self/cgroup");
  if (!text) return std::nullopt;
  for (const std::string& line : split(*text, '\n')) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool matches = controller.empty() ? line.starts_with("0:") && controllers.empty()
                                            : contains(controllers, controller);
    if (matches) return line.substr(second + 1);
  }
  return std::nullopt;
}

// Folders of the process's group and of its ancestors, as far up as the mount point.
std::vector<std::string> group_folders(const SystemView& system, std::string_view controller) {
  const std::optional<Mount> mount = find_mount(system, controller);
  const std::optional<std::string> group = find_group(system, controller);
  if (!mount || !group) return {};
  std::string path = *group;
  // A container sees its own group as the root of the mount, but often its full path in
  // /proc/self/cgroup; outside of what is mounted only the mount point itself can be read.
  if (mount->root != "/") {
    const bool inside = path == mount->root || path.starts_with(mount->root + "/");
    path = inside ? path.substr(mount->root.size()) : "";
  }
  if (path.find("..") != std::string::npos) path.clear();
  while (!path.empty() && path.back() == '/') path.pop_back();
  std::vector<std::string> folders;
  while (!path.empty()) {
    folders.push_back(system.root + mount->point + path);
    const std::size_t slash = path.rfind('/');
    path.resize(slash == std::string::npos ? 0 : slash);
  }
  folders.push_back(system.root + mount->point);
  return folders;
}

template <typename Number>
void take_least(std::optional<Number>& least, std::optional<Number> value) {
  if (value && (!least || *value < *least)) least = value;
}

std::optional<double> quotient(std::optional<double> quota, std::optional<double> period) {
  if (!quota || !period || *quota <= 0 || *period <= 0) return std::nullopt;
  return *quota / *period;
}

// "max 100000" or "200000 100000".
std::optional<double> quota_v2(const std::string& folder) {
  const std::optional<std::string> text = slurp(folder + "/cpu.max");
  if (!text) return std::nullopt;
  const std::vector<std::string> fields = split(*text, ' ');
  if (fields.size() != 2) return std::nullopt;
  return quotient(to_number<double>(fields[0]), to_number<double>(fields[1]));
}

std::optional<double> read_double(const std::string& path) {
  const std::optional<std::string> text = slurp(path);
  return text ? to_number<double>(*text) : std::nullopt;
}

std::optional<std::uint64_t> read_limit(const std::string& path) {
  const std::optional<std::string> text = slurp(path);
  const std::optional<std::uint64_t> limit = text ? to_number<std::uint64_t>(*text) : std::nullopt;
  return limit && *limit < kNoLimitV1 ? limit : std::nullopt;
}

}  // namespace

SystemView this_system() {
  SystemView system;
  system.environment = process_environment();
  system.affinity_cpus = allowed_cpus();
  return system;
}

std::optional<double> cgroup_cpu_quota(const SystemView& system) {
  std::optional<double> least;
  for (const std::string& folder : group_folders(system, "")) take_least(least, quota_v2(folder));
  for (const std::string& folder : group_folders(system, "cpu")) {
    take_least(least, quotient(read_double(folder + "/cpu.cfs_quota_us"),
                               read_double(folder + "/cpu.cfs_period_us")));
  }
  return least;
}

std::optional<std::uint64_t> cgroup_memory_limit(const SystemView& system) {
  std::optional<std::uint64_t> least;
  for (const std::string& folder : group_folders(system, "")) {
    take_least(least, read_limit(folder + "/memory.max"));
  }
  for (const std::string& folder : group_folders(system, "memory")) {
    take_least(least, read_limit(folder + "/memory.limit_in_bytes"));
  }
  return least;
}

ResidentMemory resident_memory(const SystemView& system) {
  ResidentMemory memory;
  const std::optional<std::string> text = slurp(system.root + "/proc/self/status");
  if (!text) return memory;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string name;
    std::uint64_t kibibytes = 0;
    if (!(fields >> name >> kibibytes)) continue;
    if (name == "VmRSS:") memory.current_bytes = kibibytes * 1024;
    if (name == "VmHWM:") memory.peak_bytes = kibibytes * 1024;
  }
  return memory;
}

}  // namespace nestvec
